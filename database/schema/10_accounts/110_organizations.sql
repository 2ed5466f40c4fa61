-- A tenant. Every row of every other table belongs to one. The operator's own organization (the company that runs the
-- hub) is the one whose keys may act for the others.
create table hub.organizations (
    id uuid primary key default hub.uuidv7(),
    slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (length(name) between 1 and 200),
    operator boolean not null default false,
    created_at timestamptz not null default now(),
    suspended_at timestamptz
);

alter table hub.organizations enable row level security;
alter table hub.organizations force row level security;

create policy tenant on hub.organizations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (id = (select hub.current_org())) with check (id = (select hub.current_org()));
create policy definer on hub.organizations to hub_definer using (true) with check (true);

grant select, insert, update (name, suspended_at) on hub.organizations to hub_app;
grant select on hub.organizations to hub_worker, hub_tenant, hub_readonly;
grant select, insert, update, delete on hub.organizations to hub_definer;
comment on table hub.organizations is 'Tenants: the customers of the company that runs the hub, and that company itself.';
comment on column hub.organizations.operator is 'The company that runs the hub: its keys may act for other organizations.';
comment on column hub.organizations.suspended_at is 'Set: its keys and sessions are refused and its events are not accepted.';


-- All organizations, for the operator: a page of 200 and one more, newest first; or the one with a slug. The API asks
-- for nobody else.
create function hub.list_organizations(p_before uuid, p_slug text) returns setof hub.organizations
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.organizations o
    where (p_before is null or o.id < p_before) and (p_slug is null or o.slug = p_slug)
    order by o.id desc limit 201
$$;
alter function hub.list_organizations(uuid, text) owner to hub_definer;
revoke execute on function hub.list_organizations(uuid, text) from public;
grant execute on function hub.list_organizations(uuid, text) to hub_app;
comment on function hub.list_organizations(uuid, text) is
    'Organizations before the given one, newest first, for the operator; by slug where given.';


-- Whether there is such an organization and it is not suspended: one round trip, since every request in which the
-- operator acts for another organization has to know.
create function hub.organization_is_open(p_org_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select exists (select from hub.organizations o where o.id = p_org_id and o.suspended_at is null)
$$;
alter function hub.organization_is_open(uuid) owner to hub_definer;
revoke execute on function hub.organization_is_open(uuid) from public;
grant execute on function hub.organization_is_open(uuid) to hub_app;
comment on function hub.organization_is_open(uuid) is 'Whether there is such an organization and it is not suspended.';


-- The organization that runs the hub, if there is one yet: the first that was made so. What the hub brings along is
-- offered in its name.
create function hub.operator_organization() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select o.id from hub.organizations o where o.operator order by o.id limit 1
$$;
alter function hub.operator_organization() owner to hub_definer;
revoke execute on function hub.operator_organization() from public;
grant execute on function hub.operator_organization() to hub_app, hub_worker;
comment on function hub.operator_organization() is 'The organization that runs the hub, or null.';
