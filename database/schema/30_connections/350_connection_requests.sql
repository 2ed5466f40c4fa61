-- Calls that were made through connections, without their contents: no query, no header, no body, nothing placed by a
-- credential. Partitioned by week on the time-ordered id, and without foreign keys, so that noting a call never waits.
create table hub.connection_requests (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    method text not null check (length(method) <= 20),
    host text not null check (length(host) <= 300),
    path text not null check (length(path) <= 1000),
    status integer,
    outcome text not null check (outcome in ('ok', 'error')),
    error_code text check (length(error_code) <= 60),
    attempts integer not null default 1,
    waited_ms integer not null default 0,
    duration_ms integer not null check (duration_ms >= 0),
    request_bytes bigint not null default 0,
    response_bytes bigint not null default 0,
    request_id text check (length(request_id) <= 100),
    caller text check (length(caller) <= 200),
    primary key (org_id, id)
) partition by range (id);
create table hub.connection_requests_rest partition of hub.connection_requests default;

create index connection_requests_connection_idx on hub.connection_requests (org_id, connection_id, id);

alter table hub.connection_requests enable row level security;
alter table hub.connection_requests force row level security;
alter table hub.connection_requests_rest enable row level security;
alter table hub.connection_requests_rest force row level security;

create policy tenant on hub.connection_requests to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_requests to hub_definer using (true) with check (true);

grant select on hub.connection_requests to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.connection_requests to hub_definer;
comment on table hub.connection_requests is 'Calls made through connections: what, how it ended, how long it took.';
comment on column hub.connection_requests.waited_ms is 'How long of it was waiting for the rate budget or before another try.';


-- Note calls, many at once: a row each in the log, a note of use each, and that the connections were used.
create function hub.record_connection_requests(p_requests jsonb) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into hub.connection_requests
    select r.* from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    join hub.api_connections c on c.org_id = r.org_id and c.id = r.connection_id;
    get diagnostics v_count = row_count;
    perform hub.log_integration_usage(
        r.org_id, 'api.calls', 1, i.integration_id, r.connection_id, r.outcome, r.duration_ms,
        jsonb_strip_nulls(jsonb_build_object(
            'method', r.method, 'status', r.status, 'attempts', r.attempts, 'bytes_out', r.request_bytes, 'bytes_in', r.response_bytes
        ))
    )
    from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    join hub.api_connections c on c.org_id = r.org_id and c.id = r.connection_id
    join hub.integration_instances i on i.org_id = c.org_id and i.id = c.instance_id;
    update hub.api_connections c set last_used_at = now()
    from (
        select distinct r.org_id, r.connection_id
        from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    ) as used
    where c.org_id = used.org_id and c.id = used.connection_id
        and (c.last_used_at is null or c.last_used_at < now() - interval '1 minute');
    return v_count;
end
$$;
alter function hub.record_connection_requests(jsonb) owner to hub_definer;
revoke execute on function hub.record_connection_requests(jsonb) from public;
grant execute on function hub.record_connection_requests(jsonb) to hub_app, hub_worker;
comment on function hub.record_connection_requests(jsonb) is 'Log calls that were made through connections, and note their use.';
