-- What an organization promises about the events of a type. A type needs no row here to be published; one that has a
-- row may be checked against its contract when it is. `current_version` is the highest of its versions.
create table hub.event_types (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    name text not null check (length(name) between 1 and 128 and not starts_with(name, 'hub.')),
    description text not null default '' check (length(description) <= 2000),
    enforcement text not null default 'off' check (enforcement in ('off', 'warn', 'reject')),
    deprecated_at timestamptz,
    indexed_attributes text[] not null default '{}' check (cardinality(indexed_attributes) <= 10),
    current_version integer not null default 1 check (current_version >= 1),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, name)
);

-- A version of a contract. Never changed once written: nobody has the privilege, and it goes only with its type.
create table hub.event_type_versions (
    org_id uuid not null,
    name text not null,
    version integer not null check (version >= 1),
    schema jsonb not null check (jsonb_typeof(schema) = 'object'),
    sample jsonb,
    changelog text not null default '' check (length(changelog) <= 2000),
    created_at timestamptz not null default now(),
    created_by text,
    primary key (org_id, name, version),
    foreign key (org_id, name) references hub.event_types (org_id, name) on delete cascade
);

alter table hub.event_types enable row level security;
alter table hub.event_types force row level security;
alter table hub.event_type_versions enable row level security;
alter table hub.event_type_versions force row level security;

create policy tenant on hub.event_types to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.event_types to hub_definer using (true);

create policy tenant on hub.event_type_versions to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.event_type_versions to hub_definer using (true);

grant select, insert, delete,
    update (description, enforcement, deprecated_at, indexed_attributes, current_version, updated_at)
    on hub.event_types to hub_app;
grant select on hub.event_types to hub_worker, hub_tenant, hub_readonly, hub_definer;
grant select, insert on hub.event_type_versions to hub_app;
grant select on hub.event_type_versions to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.event_types is 'What an organization promises about the events of a type, and whether it is held to it.';
comment on column hub.event_types.enforcement is 'What happens to an event that breaks the contract: off nothing, warn a warning, reject a refusal.';
comment on column hub.event_types.indexed_attributes is 'Paths into the message such as data.customer.id by which events can be searched.';
comment on table hub.event_type_versions is 'Versions of event contracts: a JSON Schema of the data, a sample, what changed. Immutable.';
comment on column hub.event_type_versions.created_by is 'The person or key that wrote it, by its public id.';


-- The contracts in force of several organizations, without their schemas: what every process asks about once a second
-- for the organizations it publishes for. The stamp tells a version from one of the same number after its type was
-- deleted and made anew.
create function hub.find_contracts(p_org_ids uuid[])
returns table (org_id uuid, name text, enforcement text, version integer, stamp timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select t.org_id, t.name, t.enforcement, v.version, v.created_at
    from unnest(p_org_ids) as wanted (id)
    join hub.event_types t on t.org_id = wanted.id and t.enforcement <> 'off'
    join hub.event_type_versions v on v.org_id = t.org_id and v.name = t.name and v.version = t.current_version
$$;
alter function hub.find_contracts(uuid[]) owner to hub_definer;
revoke execute on function hub.find_contracts(uuid[]) from public;
grant execute on function hub.find_contracts(uuid[]) to hub_app, hub_worker;
comment on function hub.find_contracts(uuid[]) is 'The enforced event contracts of organizations, without their schemas.';
