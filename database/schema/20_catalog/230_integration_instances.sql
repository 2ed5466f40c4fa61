-- An integration that an organization has installed, with its settings and the version it is pinned to. The listing's
-- organization stands beside its id, since the listing is usually another's.
create table hub.integration_instances (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    integration_org_id uuid not null,
    integration_id uuid not null,
    listing_id uuid,
    name text not null check (length(name) between 1 and 200),
    environment text not null default 'production' check (environment ~ '^[a-z][a-z0-9-]{0,39}$'),
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
    status text not null default 'draft' check (status in ('draft', 'enabled', 'disabled')),
    pinned boolean not null default false,
    previous_integration_id uuid,
    previous_settings jsonb check (jsonb_typeof(previous_settings) = 'object'),
    installed_by text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, name, environment),
    -- Names the definition's owner and the definition: its tenant is in the key, though it is not this row's.
    foreign key (integration_org_id, integration_id) references hub.integrations (org_id, id),
    -- What it was before the last upgrade cannot be deleted either: it may be rolled back to.
    foreign key (integration_org_id, previous_integration_id) references hub.integrations (org_id, id),
    check ((previous_integration_id is null) = (previous_settings is null))
);

create index integration_instances_integration_idx on hub.integration_instances (org_id, integration_org_id, integration_id);
-- How many organizations have a listing installed, and who uses a version that is withdrawn.
create index integration_instances_listing_idx on hub.integration_instances (integration_org_id, listing_id, org_id);

alter table hub.integration_instances enable row level security;
alter table hub.integration_instances force row level security;

create policy tenant on hub.integration_instances to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.integration_instances to hub_definer using (true);

grant select, insert, delete, update (
    integration_org_id, integration_id, name, environment, settings, status, pinned, previous_integration_id,
    previous_settings, updated_at
) on hub.integration_instances to hub_app;
grant select on hub.integration_instances to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integration_instances is 'Integrations that an organization has installed.';
comment on column hub.integration_instances.pinned is 'Stays at its version: an upgrade is neither offered nor done until it is unpinned.';
comment on column hub.integration_instances.previous_integration_id is 'The version before the last upgrade, for one way back.';


-- What may be installed: an integration of one's own, or a published one that is public or shared with one; a listing
-- given must be one of that integration, since who may review it rests on it. A foreign key knows neither, and would
-- tell whether a private integration of somebody else's exists.
--
-- The version is locked until the transaction ends: whoever withdraws it waits, and then tells this instance as well.
create function hub.require_installable() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text;
begin
    -- An instance of an integration that has been withdrawn since goes on working and may be changed.
    if tg_op = 'UPDATE' and (new.integration_org_id, new.integration_id) = (old.integration_org_id, old.integration_id) then
        return new;
    end if;
    select i.slug into v_slug from hub.integrations i
    where i.org_id = new.integration_org_id and i.id = new.integration_id and i.state <> 'withdrawn'
        and (i.org_id = new.org_id or (i.state = 'published' and (i.visibility = 'public' or exists (
            select from hub.integration_marketplace_shares s
            join hub.integration_marketplace m on m.org_id = s.org_id and m.id = s.listing_id
            where s.org_id = i.org_id and s.shared_with_org_id = new.org_id and m.slug = i.slug and not m.unlisted
        ))))
    for share;
    if not found or (new.listing_id is not null and not exists (
        select from hub.integration_marketplace m
        join hub.integrations d on d.org_id = m.org_id and d.id = m.integration_id
        where m.org_id = new.integration_org_id and m.id = new.listing_id and d.slug = v_slug
    )) then
        raise exception 'there is no such integration to install' using
            errcode = 'foreign_key_violation', constraint = 'require_installable',
            hint = 'Install one of your own, or a public one through its listing.';
    end if;
    return new;
end
$$;
alter function hub.require_installable() owner to hub_definer;
revoke execute on function hub.require_installable() from public;
comment on function hub.require_installable() is 'Refuses to install what is neither one''s own nor public nor shared.';

create trigger require_installable
    before insert or update of integration_org_id, integration_id on hub.integration_instances
    for each row execute function hub.require_installable();


-- Keep a listing's count of organizations true: one that has ten instances of it is one. The listing is locked first,
-- so that two instances that come or go at once see each other.
create function hub.count_install() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_row hub.integration_instances := case when tg_op = 'DELETE' then old else new end;
    v_others bigint;
begin
    if v_row.listing_id is null then
        return null;
    end if;
    update hub.integration_marketplace m set install_count = m.install_count
    where m.org_id = v_row.integration_org_id and m.id = v_row.listing_id;
    select count(*) into v_others from hub.integration_instances i
    where i.integration_org_id = v_row.integration_org_id and i.listing_id = v_row.listing_id
        and i.org_id = v_row.org_id and i.id <> v_row.id;
    if v_others = 0 then
        update hub.integration_marketplace m
        set install_count = greatest(m.install_count + case when tg_op = 'DELETE' then -1 else 1 end, 0)
        where m.org_id = v_row.integration_org_id and m.id = v_row.listing_id;
    end if;
    return null;
end
$$;
alter function hub.count_install() owner to hub_definer;
revoke execute on function hub.count_install() from public;
comment on function hub.count_install() is 'Keeps a listing''s count of organizations that have it installed true.';

create trigger count_install after insert or delete on hub.integration_instances
    for each row execute function hub.count_install();


-- Who uses a version, for its publisher who withdraws it: each organization with one of its instances a row.
create function hub.instances_of(p_org_id uuid, p_integration_id uuid)
returns table (org_id uuid, id uuid, name text, environment text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select i.org_id, i.id, i.name, i.environment from hub.integration_instances i
    where i.integration_org_id = p_org_id and i.integration_id = p_integration_id and p_org_id = hub.current_org()
    order by i.org_id, i.id
$$;
alter function hub.instances_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.instances_of(uuid, uuid) from public;
grant execute on function hub.instances_of(uuid, uuid) to hub_app;
comment on function hub.instances_of(uuid, uuid) is
    'Instances, of all organizations, of a version that belongs to the organization acted for.';
