-- One event for one endpoint, with a state.
--
--   pending    due at `due_at`; `leased` while a worker has it in hand and `due_at` is then the end of the lease
--   queued     the endpoint keeps order and another of its lane is before this one
--   available  the endpoint is a pull endpoint: its receiver fetches and acknowledges it
--   held       its endpoint is disabled; enabling it makes it pending again
--   blocked    exhausted at the head of its lane, which waits for somebody to retry or skip it
--   parked     exhausted and put aside for somebody to look at; its lane goes on
--   delivered  the endpoint answered 2xx, or acknowledged it
--   exhausted  its retries or its time ran out
--   cancelled  its endpoint was deleted, its message expunged, or its contract broken
--   filtered   the endpoint's filter does not want it
--
-- Open ones (the first six) live in a partition of their own: the queue stays small and hot however much history
-- there is, and PostgreSQL moves a row to its week's archive when its state ends it. `due_at` is the visibility
-- timeout, so a worker that dies gives its deliveries back by doing nothing. `fence` counts the claims: whoever
-- records an attempt must hold the last one.
--
-- A lane is a queue of deliveries that go one after the other, in the order of `sequence`. Its head is whichever of it
-- is pending, held or blocked; when that ends, the next queued one is made pending.
--
-- A manual retry takes a delivery out of its automatic chain and puts it back, should it fail, exactly as it was:
-- `resume_state` and `resume_at` remember how. `step` counts the attempts of the chain, `attempts` all of them.
create table hub.webhook_deliveries (
    org_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    open boolean not null default true,
    state text not null default 'pending' check (state in (
        'pending', 'queued', 'available', 'held', 'blocked', 'parked', 'delivered', 'exhausted', 'cancelled', 'filtered'
    )),
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    attempts smallint not null default 0 check (attempts >= 0),
    step smallint not null default 0 check (step >= 0),
    ended_at timestamptz,
    reason text check (reason in ('attempts', 'deadline', 'aborted', 'expunged', 'contract', 'endpoint_deleted', 'by_request')),
    restarted_at timestamptz,
    resume_state text,
    resume_at timestamptz,
    lane text,
    sequence bigint,
    primary key (org_id, event_id, endpoint_id, open),
    check (open = (state in ('pending', 'queued', 'available', 'held', 'blocked', 'parked'))),
    check (open = (ended_at is null)),
    check ((lane is null) = (sequence is null)),
    check (state <> 'queued' or lane is not null)
) partition by list (open);
create sequence hub.webhook_lane_sequence as bigint cache 1;
comment on sequence hub.webhook_lane_sequence is 'Numbers the deliveries of all lanes in the order they were accepted.';

create table hub.webhook_deliveries_open partition of hub.webhook_deliveries for values in (true)
    with (
        fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000
    );
create table hub.webhook_deliveries_ended partition of hub.webhook_deliveries for values in (false)
    partition by range (event_id);
create table hub.webhook_deliveries_ended_rest partition of hub.webhook_deliveries_ended default;

-- Partial, so that only a statement that asks for due work can use it: the planner, which has no statistics of a queue
-- that is empty one minute and full the next, would otherwise look for one delivery among all those of its endpoint.
create index webhook_deliveries_due_idx on hub.webhook_deliveries_open (org_id, endpoint_id, due_at)
    where state = 'pending';
create index webhook_deliveries_lane_idx on hub.webhook_deliveries_open (org_id, endpoint_id, lane, sequence)
    where lane is not null;
create index webhook_deliveries_available_idx on hub.webhook_deliveries_open (org_id, endpoint_id, event_id)
    where state = 'available';
create index webhook_deliveries_endpoint_idx on hub.webhook_deliveries_ended (org_id, endpoint_id, event_id);

-- Search of what did not simply go through: by state, by state of one endpoint, and by reason, newest first. Partial, so
-- that a delivery pays for them only when it gets into such a state: on its way from pending to delivered it never does.
create index webhook_deliveries_state_idx on hub.webhook_deliveries (org_id, state, event_id, endpoint_id)
    where state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered');
create index webhook_deliveries_endpoint_state_idx on hub.webhook_deliveries (org_id, endpoint_id, state, event_id)
    where state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered');
create index webhook_deliveries_reason_idx on hub.webhook_deliveries (org_id, reason, event_id, endpoint_id)
    where reason is not null;

alter table hub.webhook_deliveries enable row level security;
alter table hub.webhook_deliveries force row level security;
alter table hub.webhook_deliveries_open enable row level security;
alter table hub.webhook_deliveries_open force row level security;
alter table hub.webhook_deliveries_ended enable row level security;
alter table hub.webhook_deliveries_ended force row level security;
alter table hub.webhook_deliveries_ended_rest enable row level security;
alter table hub.webhook_deliveries_ended_rest force row level security;

create policy tenant on hub.webhook_deliveries to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_deliveries to hub_definer using (true) with check (true);

grant select on hub.webhook_deliveries to hub_app, hub_worker, hub_tenant, hub_readonly;
grant insert, update (
    open, state, due_at, leased, fence, step, attempts, ended_at, reason, restarted_at, resume_state, resume_at, lane, sequence
) on hub.webhook_deliveries to hub_app, hub_worker;
grant select, insert, update, delete on hub.webhook_deliveries to hub_definer;
grant usage on sequence hub.webhook_lane_sequence to hub_definer;
comment on table hub.webhook_deliveries is 'One event for one endpoint, with a state.';
comment on column hub.webhook_deliveries.due_at is 'When a pending one may be taken next; the end of the lease while it is in hand.';
comment on column hub.webhook_deliveries.step is 'Attempts of the automatic chain; a manual retry is none of them.';
comment on column hub.webhook_deliveries.reason is 'Why it ended without being delivered.';
comment on column hub.webhook_deliveries.restarted_at is 'When a replay began its chain anew; its deadline counts from there.';
comment on column hub.webhook_deliveries.lane is 'The queue it goes through one at a time: its ordering key, or empty for the endpoint''s one.';
comment on column hub.webhook_deliveries.fence is 'Fencing token: rises with each claim; only the last claim''s holder may record.';
