-- What was used, counted and timed, as it happened; summed up by what is built on it. Partitioned by week on its
-- time-ordered id, and without foreign keys, so that noting a use never waits for anything.
create table hub.integration_usage_analytics (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    metric text not null check (metric ~ '^[a-z][a-z0-9_.]{0,79}$'),
    quantity bigint not null default 1 check (quantity >= 0),
    integration_id uuid,
    connection_id uuid,
    outcome text not null default 'ok' check (outcome in ('ok', 'error')),
    duration_ms integer check (duration_ms >= 0),
    dimensions jsonb not null default '{}' check (jsonb_typeof(dimensions) = 'object' and octet_length(dimensions::text) <= 4096),
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    primary key (org_id, id)
) partition by range (id);
create table hub.integration_usage_analytics_rest partition of hub.integration_usage_analytics default;

create index integration_usage_analytics_metric_idx on hub.integration_usage_analytics (org_id, metric, occurred_at);

alter table hub.integration_usage_analytics enable row level security;
alter table hub.integration_usage_analytics force row level security;
alter table hub.integration_usage_analytics_rest enable row level security;
alter table hub.integration_usage_analytics_rest force row level security;

create policy tenant on hub.integration_usage_analytics to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.integration_usage_analytics to hub_definer using (true) with check (true);

grant select on hub.integration_usage_analytics to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.integration_usage_analytics to hub_definer;
comment on table hub.integration_usage_analytics is 'What was used, counted and timed.';
comment on column hub.integration_usage_analytics.occurred_at is 'When it was used; may lie before recorded_at, since notes arrive late.';


-- Note a use, in the caller's own transaction. Who may: an organization for itself, the hub's own processes, and
-- members of hub_publisher for any organization. Answers the note's id.
create function hub.log_integration_usage(
    p_org_id uuid, p_metric text, p_quantity bigint default 1, p_integration_id uuid default null,
    p_connection_id uuid default null, p_outcome text default 'ok', p_duration_ms integer default null,
    p_dimensions jsonb default '{}', p_occurred_at timestamptz default now()
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := hub.uuidv7();
begin
    if p_org_id is distinct from hub.current_org()
        and not pg_has_role(hub.calling_role(), 'hub_publisher', 'usage')
        and not pg_has_role(hub.calling_role(), 'hub_app', 'usage')
        and not pg_has_role(hub.calling_role(), 'hub_worker', 'usage')
    then
        raise exception 'you may note the use of your own organization only' using
            errcode = 'insufficient_privilege',
            hint = 'Connect as the organization''s own login, or grant hub_publisher to your role.';
    end if;
    if p_metric is null or p_metric !~ '^[a-z][a-z0-9_.]{0,79}$' then
        raise exception 'the metric must be 1 to 80 lower-case letters, digits, _ and dots' using
            errcode = 'invalid_parameter_value', hint = 'For example: api.calls';
    end if;
    if p_quantity is null or p_quantity < 0 or p_duration_ms < 0 then
        raise exception 'a quantity or duration is not negative' using errcode = 'invalid_parameter_value';
    end if;
    if p_outcome is null or p_outcome not in ('ok', 'error') then
        raise exception 'the outcome is ok or error' using errcode = 'invalid_parameter_value';
    end if;
    if p_dimensions is null or jsonb_typeof(p_dimensions) <> 'object' or octet_length(p_dimensions::text) > 4096 then
        raise exception 'the dimensions are a JSON object of at most 4096 bytes' using errcode = 'invalid_parameter_value';
    end if;
    if p_occurred_at is null or p_occurred_at > now() + interval '5 minutes' then
        raise exception 'the use lies in the future' using errcode = 'invalid_parameter_value';
    end if;
    if not exists (select from hub.organizations o where o.id = p_org_id) then
        raise exception 'there is no such organization' using
            errcode = 'no_data_found', hint = 'Pass the id (a UUID) of an organization of this hub.';
    end if;
    insert into hub.integration_usage_analytics
        (org_id, id, metric, quantity, integration_id, connection_id, outcome, duration_ms, dimensions, occurred_at)
    values
        (p_org_id, v_id, p_metric, p_quantity, p_integration_id, p_connection_id, p_outcome, p_duration_ms, p_dimensions, p_occurred_at);
    return v_id;
end
$$;
alter function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) owner to hub_definer;
revoke execute on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) from public;
grant execute on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz)
    to hub_tenant, hub_publisher, hub_app, hub_worker;
comment on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) is
    'Note a use in the caller''s own transaction; answers its id.';
