-- A run: one execution of a sync, with its stage, counts and checkpoint. Leased and fenced like a delivery, so that a
-- worker that died gives it back by doing nothing and one that comes back too late changes nothing.
create table hub.sync_execution_logs (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    cause text not null check (cause in ('schedule', 'event', 'notification', 'request', 'retry', 'backfill', 'undo')),
    state text not null default 'queued'
        check (state in ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled', 'held')),
    stage text check (stage in ('read', 'map', 'reconcile', 'write', 'sweep')),
    dry_run boolean not null default false,
    read_count bigint not null default 0 check (read_count >= 0),
    created_count bigint not null default 0 check (created_count >= 0),
    updated_count bigint not null default 0 check (updated_count >= 0),
    deleted_count bigint not null default 0 check (deleted_count >= 0),
    skipped_count bigint not null default 0 check (skipped_count >= 0),
    failed_count bigint not null default 0 check (failed_count >= 0),
    conflict_count bigint not null default 0 check (conflict_count >= 0),
    api_calls bigint not null default 0 check (api_calls >= 0),
    checkpoint jsonb not null default '{}' check (jsonb_typeof(checkpoint) = 'object'),
    mapping_version integer not null,
    error_code text check (length(error_code) <= 100),
    error_detail text check (length(error_detail) <= 1000),
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    started_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    check ((ended_at is null) = (state in ('queued', 'running', 'held')))
);

create index sync_execution_logs_sync_idx on hub.sync_execution_logs (org_id, sync_id, id);
create index sync_execution_logs_due_idx on hub.sync_execution_logs (org_id, due_at) where state in ('queued', 'running');

alter table hub.sync_execution_logs enable row level security;
alter table hub.sync_execution_logs force row level security;

create policy tenant on hub.sync_execution_logs to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert, update (state, due_at, ended_at) on hub.sync_execution_logs to hub_app;
grant select, insert, update on hub.sync_execution_logs to hub_worker;
grant select on hub.sync_execution_logs to hub_tenant, hub_readonly;
comment on table hub.sync_execution_logs is 'Runs: executions of syncs.';
comment on column hub.sync_execution_logs.checkpoint is 'From where a run that was killed goes on; never ahead of what is written.';
