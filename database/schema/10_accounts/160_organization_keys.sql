-- The data keys an organization's secrets are sealed under, each wrapped by the master key, which is not in this
-- database. One key per organization, purpose and version: destroying them erases what they sealed.
create table hub.organization_keys (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    purpose text not null check (purpose in ('cred', 'payload', 'index', 'audit')),
    version integer not null check (version > 0),
    wrapped bytea not null,
    master_key_id text not null,
    state text not null default 'active' check (state in ('active', 'retired')),
    created_at timestamptz not null default now(),
    primary key (org_id, purpose, version)
);

alter table hub.organization_keys enable row level security;
alter table hub.organization_keys force row level security;

create policy tenant on hub.organization_keys to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.organization_keys to hub_definer using (true) with check (true);

grant select, insert, update (state) on hub.organization_keys to hub_app, hub_worker;
grant select, update (wrapped, master_key_id) on hub.organization_keys to hub_definer;
comment on table hub.organization_keys is 'Wrapped data keys, by organization and purpose; useless without the master key.';


-- Rotating the master key: the keys still wrapped by another one, a batch at a time, and their rewrapped form back.
-- Rewrapping replaces a row only if it still holds what was read, so that two rotations cannot cross.
create function hub.stale_organization_keys(p_master_key_id text)
returns setof hub.organization_keys
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.organization_keys where master_key_id <> p_master_key_id
    order by org_id, purpose, version limit 500
$$;
alter function hub.stale_organization_keys(text) owner to hub_definer;
revoke execute on function hub.stale_organization_keys(text) from public;
grant execute on function hub.stale_organization_keys(text) to hub_worker;
comment on function hub.stale_organization_keys(text) is 'Data keys that another master key than this one wraps, 500 at most.';

create function hub.rewrap_organization_key(
    p_org_id uuid, p_purpose text, p_version integer, p_before bytea, p_wrapped bytea, p_master_key_id text
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update hub.organization_keys k set wrapped = p_wrapped, master_key_id = p_master_key_id
    where k.org_id = p_org_id and k.purpose = p_purpose and k.version = p_version and k.wrapped = p_before;
    return found;
end
$$;
alter function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) owner to hub_definer;
revoke execute on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) from public;
grant execute on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) to hub_worker;
comment on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) is
    'Store a data key wrapped by the new master key, if nobody else has meanwhile.';
