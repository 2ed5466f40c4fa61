-- A definition: what can be connected, how it authenticates, its settings, streams, actions and events, as a manifest.
-- An organization can define its own. Those that everybody may install belong to the operator's organization and say so
-- themselves (`visibility`), so that this table, too, holds nothing without a tenant; a listing cannot say it for them,
-- since it names the newest version only and older ones stay installed. A manifest version is immutable: an upgrade is
-- a new row.
create table hub.integrations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    version text not null check (version ~ '^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$'),
    name text not null check (length(name) between 1 and 200),
    category text not null check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
    auth_types text[] not null default '{}'
        check (auth_types <@ array['oauth2', 'api_key', 'basic', 'bearer', 'custom', 'none']),
    manifest jsonb not null check (jsonb_typeof(manifest) = 'object'),
    manifest_digest bytea not null check (octet_length(manifest_digest) = 32),
    tier text not null default 'none' check (tier in ('none', 'bronze', 'silver', 'gold', 'platinum')),
    state text not null default 'draft' check (state in ('draft', 'published', 'withdrawn')),
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    withdrawn_at timestamptz,
    withdrawn_reason text check (length(withdrawn_reason) between 1 and 500),
    stopped boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, slug, version),
    check (visibility = 'private' or state <> 'draft'),
    check ((state = 'withdrawn') = (withdrawn_at is not null and withdrawn_reason is not null)),
    check (state = 'withdrawn' or not stopped)
);

alter table hub.integrations enable row level security;
alter table hub.integrations force row level security;
-- The policy `tenant` stands at the end of the room (250): it asks two tables that do not exist yet.
-- Installing somebody's integration takes reading its manifest, which holds no secret; changing it is another thing.
create policy own_rows_update on hub.integrations as restrictive for update to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy own_rows_delete on hub.integrations as restrictive for delete to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy definer on hub.integrations to hub_definer using (true);

grant select, insert, delete, update (
    version, name, category, auth_types, manifest, manifest_digest, tier, state, visibility, withdrawn_at,
    withdrawn_reason, stopped, updated_at
) on hub.integrations to hub_app;
grant select on hub.integrations to hub_worker, hub_tenant, hub_readonly, hub_definer;
-- For the lock that require_installable() takes; definer functions change nothing here.
grant update (updated_at) on hub.integrations to hub_definer;
comment on table hub.integrations is 'Definitions of what can be connected, by version; the manifest of a version never changes.';
comment on column hub.integrations.manifest_digest is 'SHA-256 of the manifest as it was registered: an instance is pinned to it.';
comment on column hub.integrations.tier is 'Worked out by the hub from the manifest (sdk/quality.py); nobody claims it.';
comment on column hub.integrations.visibility is 'Public ones are read and, while published, installed by every organization.';
comment on column hub.integrations.stopped is 'Withdrawn for a reason that its instances must not go on with: none of them works.';


-- A version that was published stays what it is: whoever installed it agreed to that and to nothing else. And what was
-- withdrawn stays withdrawn.
create function hub.keep_published() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.state <> 'draft' and (
        (new.org_id, new.id, new.slug, new.version, new.manifest_digest)
        is distinct from (old.org_id, old.id, old.slug, old.version, old.manifest_digest)
        or new.manifest <> old.manifest or new.state = 'draft'
    ) then
        raise exception 'a published version never changes' using
            errcode = 'integrity_constraint_violation', hint = 'Register a new version.';
    end if;
    if old.state = 'withdrawn' and new.state <> 'withdrawn' then
        raise exception 'a withdrawn version stays withdrawn' using
            errcode = 'integrity_constraint_violation', hint = 'Register a new version.';
    end if;
    return new;
end
$$;
revoke execute on function hub.keep_published() from public;
comment on function hub.keep_published() is 'Refuses to change a version that was published.';

create trigger keep_published before update on hub.integrations
    for each row execute function hub.keep_published();
