-- Somebody types a code in on another device (RFC 8628) while a worker asks the provider, at the pace that it wants,
-- whether that has been done. One of a connection at a time.
create table hub.device_flows (
    org_id uuid not null,
    connection_id uuid not null,
    sealed_code bytea not null,
    requested_scopes text[] not null default '{}' check (cardinality(requested_scopes) <= 200),
    interval_seconds integer not null check (interval_seconds between 1 and 600),
    due_at timestamptz not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, connection_id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

create index device_flows_due_idx on hub.device_flows (due_at);

alter table hub.device_flows enable row level security;
alter table hub.device_flows force row level security;

create policy tenant on hub.device_flows to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.device_flows to hub_definer using (true) with check (true);

grant select (org_id, connection_id, expires_at), insert, delete on hub.device_flows to hub_app;
grant select, update (interval_seconds, due_at), delete on hub.device_flows to hub_worker;
grant select, update (due_at) on hub.device_flows to hub_definer;
comment on table hub.device_flows is 'Device authorizations under way: the sealed device code, and when to ask next.';


-- Flows that are due to be asked about, 64 at most, each put off by its own pace so that no other worker asks as well.
create function hub.claim_device_flows()
returns table (
    org_id uuid, connection_id uuid, sealed_code bytea, requested_scopes text[], interval_seconds integer, expires_at timestamptz
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select d.org_id, d.connection_id from hub.device_flows d where d.due_at <= now()
        order by d.due_at limit 64
        for update skip locked
    )
    update hub.device_flows d set due_at = now() + greatest(d.interval_seconds, 30) * interval '1 second'
    from picked p
    where d.org_id = p.org_id and d.connection_id = p.connection_id
    returning d.org_id, d.connection_id, d.sealed_code, d.requested_scopes, d.interval_seconds, d.expires_at
$$;
alter function hub.claim_device_flows() owner to hub_definer;
revoke execute on function hub.claim_device_flows() from public;
grant execute on function hub.claim_device_flows() to hub_worker;
comment on function hub.claim_device_flows() is 'Device flows that are due to be asked about, each given to one worker.';
