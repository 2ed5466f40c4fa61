-- Checks of connections: queued by a person, by SQL, by the schedule or after an authorization, done by a worker, kept as
-- history. While a check is leased `due_at` is the end of its lease.
create table hub.connection_checks (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    cause text not null check (cause in ('request', 'sql', 'schedule', 'authorization')),
    state text not null default 'queued' check (state in ('queued', 'done')),
    outcome text check (outcome in ('healthy', 'unhealthy')),
    code text check (length(code) <= 60),
    reason text check (length(reason) <= 500),
    status integer,
    duration_ms integer check (duration_ms >= 0),
    requested_by text check (length(requested_by) <= 200),
    attempts integer not null default 0,
    fence integer not null default 0,
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    check ((state = 'done') = (outcome is not null and finished_at is not null))
);

create index connection_checks_due_idx on hub.connection_checks (due_at) where state = 'queued';
create index connection_checks_connection_idx on hub.connection_checks (org_id, connection_id, id);

alter table hub.connection_checks enable row level security;
alter table hub.connection_checks force row level security;

create policy tenant on hub.connection_checks to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_checks to hub_definer using (true) with check (true);

grant select, insert, update (state, outcome, code, reason, status, duration_ms, finished_at) on hub.connection_checks to hub_app;
grant select, insert, update on hub.connection_checks to hub_worker;
grant select on hub.connection_checks to hub_tenant, hub_readonly;
grant select, insert, update, delete on hub.connection_checks to hub_definer;
comment on table hub.connection_checks is 'Checks of connections: waiting, under way, and done with their outcome.';
comment on column hub.connection_checks.code is 'A stable word for what was wrong.';

-- Every change of a connection's health, with its reason.
create table hub.connection_health (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    health text not null check (health in ('healthy', 'unhealthy')),
    code text check (length(code) <= 60),
    reason text check (length(reason) <= 500),
    at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

create index connection_health_connection_idx on hub.connection_health (org_id, connection_id, id);

alter table hub.connection_health enable row level security;
alter table hub.connection_health force row level security;

create policy tenant on hub.connection_health to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_health to hub_definer using (true);

grant select, insert on hub.connection_health to hub_app, hub_worker;
grant select on hub.connection_health to hub_tenant, hub_readonly;
grant select, delete on hub.connection_health to hub_definer;
comment on table hub.connection_health is 'How the health of connections changed, and why.';


-- Have a connection tested: enqueues the check in the caller's own transaction and answers its id; a worker does it.
-- Who may: an organization for itself, and the hub's own processes for the organization they act for.
create function hub.test_api_connection(p_connection_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_org uuid := hub.current_org();
    v_id uuid := hub.uuidv7();
begin
    if v_org is null or not exists (
        select from hub.api_connections c where c.org_id = v_org and c.id = p_connection_id
    ) then
        raise exception 'there is no such connection' using
            errcode = 'no_data_found', hint = 'Pass the id (a UUID) of one of your organization''s connections.';
    end if;
    insert into hub.connection_checks (org_id, id, connection_id, cause, requested_by)
    values (v_org, v_id, p_connection_id, 'sql', session_user);
    return v_id;
end
$$;
alter function hub.test_api_connection(uuid) owner to hub_definer;
revoke execute on function hub.test_api_connection(uuid) from public;
grant execute on function hub.test_api_connection(uuid) to hub_tenant, hub_app, hub_worker;
comment on function hub.test_api_connection(uuid) is 'Have a connection tested; answers the id of the check in connection_checks.';


-- Enqueue a check for every connection whose time has come, 200 at most, and set the time of the next, spread by a
-- tenth so that what was connected together is not checked together.
create function hub.schedule_connection_checks(p_every interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    with due as (
        select c.org_id, c.id from hub.api_connections c where c.check_due_at <= now()
        order by c.check_due_at limit 200
        for update skip locked
    ),
    moved as (
        update hub.api_connections c set check_due_at = now() + p_every * (0.9 + random() / 5)
        from due d where c.org_id = d.org_id and c.id = d.id
        returning c.org_id, c.id, c.enabled and c.status in ('connected', 'failing') as wanted
    )
    insert into hub.connection_checks (org_id, connection_id, cause) select m.org_id, m.id, 'schedule' from moved m where m.wanted;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.schedule_connection_checks(interval) owner to hub_definer;
revoke execute on function hub.schedule_connection_checks(interval) from public;
grant execute on function hub.schedule_connection_checks(interval) to hub_worker;
comment on function hub.schedule_connection_checks(interval) is 'Enqueue the checks whose time has come; answers how many.';


-- Take due checks in hand for the length of the lease, 32 at most. One whose worker died comes back when its lease is over.
create function hub.claim_connection_checks(p_lease interval)
returns table (org_id uuid, id uuid, connection_id uuid, cause text, attempts integer, fence integer)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select k.org_id, k.id from hub.connection_checks k where k.state = 'queued' and k.due_at <= now()
        order by k.due_at limit 32
        for update skip locked
    )
    update hub.connection_checks k set due_at = now() + p_lease, fence = k.fence + 1, attempts = k.attempts + 1
    from picked p
    where k.org_id = p.org_id and k.id = p.id
    returning k.org_id, k.id, k.connection_id, k.cause, k.attempts, k.fence
$$;
alter function hub.claim_connection_checks(interval) owner to hub_definer;
revoke execute on function hub.claim_connection_checks(interval) from public;
grant execute on function hub.claim_connection_checks(interval) to hub_worker;
comment on function hub.claim_connection_checks(interval) is 'Lease due checks to a worker.';


-- Forget checks that were done and changes of health that happened more than `p_days` ago: 5,000 of each at most.
create function hub.forget_connection_history(p_days integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor uuid := hub.uuidv7_floor(now() - greatest(p_days, 1) * interval '1 day');
    v_checks bigint;
    v_health bigint;
begin
    with old as (select org_id, id from hub.connection_checks where id < v_floor and state = 'done' limit 5000)
    delete from hub.connection_checks k using old where (k.org_id, k.id) = (old.org_id, old.id);
    get diagnostics v_checks = row_count;
    with old as (select org_id, id from hub.connection_health where id < v_floor limit 5000)
    delete from hub.connection_health h using old where (h.org_id, h.id) = (old.org_id, old.id);
    get diagnostics v_health = row_count;
    return v_checks + v_health;
end
$$;
alter function hub.forget_connection_history(integer) owner to hub_definer;
revoke execute on function hub.forget_connection_history(integer) from public;
grant execute on function hub.forget_connection_history(integer) to hub_worker;
comment on function hub.forget_connection_history(integer) is 'Delete old checks and changes of health, a batch at a time.';
