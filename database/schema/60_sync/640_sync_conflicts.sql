-- A conflict: both sides changed the same field since the last agreement. The losing value is kept, so that a decision
-- can be undone.
create table hub.sync_conflicts (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    link_id uuid not null,
    run_id uuid not null,
    field text not null check (length(field) between 1 and 500),
    agreed_value jsonb,
    source_value jsonb,
    destination_value jsonb,
    state text not null default 'open' check (state in ('open', 'resolved', 'undone')),
    resolution text check (resolution in ('source', 'destination', 'merged', 'edited')),
    resolved_value jsonb,
    resolved_by text check (length(resolved_by) <= 200),
    created_at timestamptz not null default now(),
    resolved_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    foreign key (org_id, link_id) references hub.sync_links (org_id, id) on delete cascade,
    foreign key (org_id, run_id) references hub.sync_execution_logs (org_id, id) on delete cascade,
    check ((state = 'open') = (resolution is null)),
    check ((state = 'open') = (resolved_at is null))
);

create unique index sync_conflicts_open_idx on hub.sync_conflicts (org_id, link_id, field) where state = 'open';
create index sync_conflicts_sync_idx on hub.sync_conflicts (org_id, sync_id, state, id);

alter table hub.sync_conflicts enable row level security;
alter table hub.sync_conflicts force row level security;

create policy tenant on hub.sync_conflicts to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, update (state, resolution, resolved_value, resolved_by, resolved_at) on hub.sync_conflicts to hub_app;
grant select, insert, update on hub.sync_conflicts to hub_worker;
grant select on hub.sync_conflicts to hub_readonly;
comment on table hub.sync_conflicts is 'Fields that both sides changed since the last agreement.';
