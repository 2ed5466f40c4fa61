-- A definition: what can be connected, how it authenticates, its settings, streams, actions and events, as a manifest.
-- An organization can define its own. Those that everybody may install belong to the operator's organization and say so
-- themselves (`visibility`), so that this table, too, holds nothing without a tenant; a listing cannot say it for them,
-- since it names the newest version only and older ones stay installed. A manifest version is immutable: an upgrade is
-- a new row.
create table hub.integrations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    version text not null check (version ~ '^[0-9]+\.[0-9]+\.[0-9]+$'),
    name text not null check (length(name) between 1 and 200),
    category text not null check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
    auth_types text[] not null default '{}'
        check (auth_types <@ array['oauth2', 'api_key', 'basic', 'bearer', 'custom', 'none']),
    manifest jsonb not null check (jsonb_typeof(manifest) = 'object'),
    manifest_digest bytea not null check (octet_length(manifest_digest) = 32),
    state text not null default 'draft' check (state in ('draft', 'published', 'withdrawn')),
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, slug, version),
    check (visibility = 'private' or state <> 'draft')
);

alter table hub.integrations enable row level security;
alter table hub.integrations force row level security;

create policy tenant on hub.integrations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or ((select hub.current_org()) is not null and visibility = 'public')
    )
    with check (org_id = (select hub.current_org()));
-- Installing somebody's integration takes reading its manifest, which holds no secret; changing it is another thing.
create policy own_rows_update on hub.integrations as restrictive for update to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy own_rows_delete on hub.integrations as restrictive for delete to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy definer on hub.integrations to hub_definer using (true);

grant select, insert, delete, update (name, category, state, visibility, updated_at) on hub.integrations to hub_app;
grant select on hub.integrations to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integrations is 'Definitions of what can be connected, by version; the manifest of a version never changes.';
comment on column hub.integrations.manifest_digest is 'SHA-256 of the manifest as it was registered: an instance is pinned to it.';
comment on column hub.integrations.visibility is 'Public ones are read and, while published, installed by every organization.';
