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
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    status text not null default 'draft' check (status in ('draft', 'enabled', 'disabled')),
    pinned boolean not null default false,
    installed_by text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, name, environment),
    -- Names the definition's owner and the definition: its tenant is in the key, though it is not this row's.
    foreign key (integration_org_id, integration_id) references hub.integrations (org_id, id)
);

create index integration_instances_integration_idx on hub.integration_instances (org_id, integration_org_id, integration_id);

alter table hub.integration_instances enable row level security;
alter table hub.integration_instances force row level security;

create policy tenant on hub.integration_instances to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.integration_instances to hub_definer using (true);

grant select, insert, delete, update (integration_org_id, integration_id, name, environment, settings, status, pinned, updated_at)
    on hub.integration_instances to hub_app;
grant select on hub.integration_instances to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integration_instances is 'Integrations that an organization has installed.';
comment on column hub.integration_instances.pinned is 'Stays at its version until somebody upgrades it.';


-- What may be installed: an integration of one's own, or a published public one; a listing given must be one of that
-- integration, since who may review it rests on it. A foreign key knows neither, and would tell whether a private
-- integration of somebody else's exists.
create function hub.require_installable() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- An instance of an integration that has been withdrawn since goes on working and may be changed.
    if tg_op = 'UPDATE' and (new.integration_org_id, new.integration_id) = (old.integration_org_id, old.integration_id) then
        return new;
    end if;
    if not exists (
        select from hub.integrations i
        where i.org_id = new.integration_org_id and i.id = new.integration_id
            and (i.org_id = new.org_id or (i.visibility = 'public' and i.state = 'published'))
            and (new.listing_id is null or exists (
                select from hub.integration_marketplace m
                join hub.integrations d on d.org_id = m.org_id and d.id = m.integration_id
                where m.org_id = i.org_id and m.id = new.listing_id and d.slug = i.slug
            ))
    ) then
        raise exception 'there is no such integration to install' using
            errcode = 'foreign_key_violation', hint = 'Install one of your own, or a public one through its listing.';
    end if;
    return new;
end
$$;
alter function hub.require_installable() owner to hub_definer;
revoke execute on function hub.require_installable() from public;
comment on function hub.require_installable() is 'Refuses to install what is neither one''s own nor public.';

create trigger require_installable
    before insert or update of integration_org_id, integration_id on hub.integration_instances
    for each row execute function hub.require_installable();
