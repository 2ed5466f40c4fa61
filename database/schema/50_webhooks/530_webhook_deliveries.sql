-- One event for one endpoint, with a state.
--
--   pending    due at `due_at`; `leased` while a worker has it in hand and `due_at` is then the end of the lease
--   held       its endpoint is disabled; enabling it makes it pending again
--   delivered  the endpoint answered 2xx
--   exhausted  the retry schedule ran out
--   cancelled  its endpoint was deleted
--
-- Open ones (pending, held) live in a partition of their own: the queue stays small and hot however much history
-- there is, and PostgreSQL moves a row to its week's archive when its state ends it. `due_at` is the visibility
-- timeout, so a worker that dies gives its deliveries back by doing nothing. `fence` counts the claims: whoever
-- records an attempt must hold the last one.
create table hub.webhook_deliveries (
    org_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    open boolean not null default true,
    state text not null default 'pending' check (state in ('pending', 'held', 'delivered', 'exhausted', 'cancelled')),
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    attempts smallint not null default 0 check (attempts >= 0),
    ended_at timestamptz,
    primary key (org_id, event_id, endpoint_id, open),
    check (open = (state in ('pending', 'held'))),
    check (open = (ended_at is null))
) partition by list (open);

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
create index webhook_deliveries_endpoint_idx on hub.webhook_deliveries_ended (org_id, endpoint_id, event_id);

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
grant update (open, state, due_at, leased, fence, ended_at) on hub.webhook_deliveries to hub_app, hub_worker;
grant select, insert, update, delete on hub.webhook_deliveries to hub_definer;
comment on table hub.webhook_deliveries is 'One event for one endpoint, with a state.';
comment on column hub.webhook_deliveries.due_at is 'When a pending one may be taken next; the end of the lease while it is in hand.';
comment on column hub.webhook_deliveries.fence is 'Fencing token: rises with each claim; only the last claim''s holder may record.';
