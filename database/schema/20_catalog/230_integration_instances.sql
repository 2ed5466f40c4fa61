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
