-- A replay: past events sent (again) to one endpoint, as a job that outlives whoever asked for it. Each step of it is one
-- transaction that queues the next deliveries and moves the cursor, under the lock of this row: it can be cut off at any
-- moment and goes on where it stopped, with nothing queued twice.
--
--   what   all: every event the endpoint's types and channels let through; failed: those that were given up or called
--          off; missing: those it has no delivery of, from before it existed or while it was disabled
create table hub.webhook_replays (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    endpoint_id uuid not null,
    what text not null check (what in ('all', 'failed', 'missing')),
    event_types text[] not null check (cardinality(event_types) between 1 and 100),
    from_id uuid not null,
    to_id uuid not null,
    rate real check (rate between 0.01 and 10000),
    state text not null default 'running' check (state in ('running', 'paused', 'cancelled', 'completed')),
    cursor_id uuid not null,
    examined bigint not null default 0 check (examined >= 0),
    queued bigint not null default 0 check (queued >= 0),
    due_at timestamptz not null default now(),
    created_by text not null check (length(created_by) <= 200),
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete cascade,
    check ((finished_at is null) = (state in ('running', 'paused')))
);
-- The workers look for what is due over all organizations.
create index webhook_replays_due_idx on hub.webhook_replays (due_at) where state = 'running';

alter table hub.webhook_replays enable row level security;
alter table hub.webhook_replays force row level security;

create policy tenant on hub.webhook_replays to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_replays to hub_definer using (true) with check (true);

grant select, insert, update (state, due_at, finished_at) on hub.webhook_replays to hub_app;
grant select on hub.webhook_replays to hub_worker, hub_tenant, hub_readonly;
grant select, update on hub.webhook_replays to hub_definer;
comment on table hub.webhook_replays is 'Jobs that send past events to an endpoint (again).';
comment on column hub.webhook_replays.from_id is 'Ids of events are time-ordered: this one and later.';
comment on column hub.webhook_replays.to_id is 'Before this one.';
comment on column hub.webhook_replays.cursor_id is 'The last event that was looked at.';
comment on column hub.webhook_replays.rate is 'Deliveries queued per second at most; null: as the queue allows.';
