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
