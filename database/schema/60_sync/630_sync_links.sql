-- A link: the pair of ids that a sync holds equal, with the values both sides last agreed on. What differs from them
-- has changed since, and on which side.
create table hub.sync_links (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    source_key text check (length(source_key) between 1 and 500),
    destination_key text check (length(destination_key) between 1 and 500),
    agreed jsonb not null default '{}' check (jsonb_typeof(agreed) = 'object'),
    source_version text check (length(source_version) <= 500),
    destination_version text check (length(destination_version) <= 500),
    deleted_on text check (deleted_on in ('source', 'destination', 'both')),
    last_run_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, sync_id, source_key),
    unique (org_id, sync_id, destination_key),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    check (source_key is not null or destination_key is not null)
);

alter table hub.sync_links enable row level security;
alter table hub.sync_links force row level security;

create policy tenant on hub.sync_links to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, delete on hub.sync_links to hub_app;
grant select, insert, update, delete on hub.sync_links to hub_worker;
grant select on hub.sync_links to hub_readonly;
comment on table hub.sync_links is 'Pairs of records that a sync holds equal, with the values last agreed on.';
comment on column hub.sync_links.source_version is 'What the provider calls this state (etag, revision): our own write is known by it.';
