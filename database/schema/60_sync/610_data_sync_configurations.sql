-- A sync: a configured pairing of a source stream and a destination stream. A side without a connection is the hub's
-- own record store.
create table hub.data_sync_configurations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    name text not null check (length(name) between 1 and 200),
    source_connection_id uuid,
    source_stream text not null check (length(source_stream) between 1 and 200),
    destination_connection_id uuid,
    destination_stream text not null check (length(destination_stream) between 1 and 200),
    direction text not null check (direction in ('import', 'export', 'bidirectional')),
    mapping jsonb not null default '{}' check (jsonb_typeof(mapping) = 'object'),
    mapping_version integer not null default 1 check (mapping_version > 0),
    filter text check (length(filter) <= 10000),
    match_keys text[] not null default '{}',
    schedule jsonb not null default '{"kind": "manual"}' check (schedule ->> 'kind' in ('manual', 'cron', 'interval', 'event', 'after')),
    conflict_policy text not null default 'manual'
        check (conflict_policy in ('source_wins', 'destination_wins', 'newest_wins', 'merge', 'expression', 'manual')),
    delete_policy text not null default 'ignore' check (delete_policy in ('ignore', 'propagate', 'mark')),
    overlap_policy text not null default 'skip' check (overlap_policy in ('skip', 'queue')),
    limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
    status text not null default 'draft' check (status in ('draft', 'active', 'paused', 'failing')),
    status_reason text check (length(status_reason) <= 500),
    cursors jsonb not null default '{}' check (jsonb_typeof(cursors) = 'object'),
    next_run_at timestamptz,
    last_run_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, name),
    foreign key (org_id, source_connection_id) references hub.api_connections (org_id, id),
    foreign key (org_id, destination_connection_id) references hub.api_connections (org_id, id),
    check (source_connection_id is not null or destination_connection_id is not null)
);

create index data_sync_configurations_due_idx on hub.data_sync_configurations (org_id, next_run_at) where next_run_at is not null;

alter table hub.data_sync_configurations enable row level security;
alter table hub.data_sync_configurations force row level security;

create policy tenant on hub.data_sync_configurations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert, update, delete on hub.data_sync_configurations to hub_app;
grant select, update (status, status_reason, cursors, next_run_at, last_run_at, updated_at)
    on hub.data_sync_configurations to hub_worker;
grant select on hub.data_sync_configurations to hub_tenant, hub_readonly;
comment on table hub.data_sync_configurations is 'Syncs: configured pairings of two streams.';
comment on column hub.data_sync_configurations.cursors is 'Per side, up to where everything has been read and written.';
