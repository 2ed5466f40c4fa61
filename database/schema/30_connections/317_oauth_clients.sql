-- The provider's app through which accounts are authorized: of one instance, or of an integration and then for every
-- instance of it. The latter is how the company that runs the hub offers an integration to all organizations: the client
-- is its own, and a tenant's connection uses it without anybody of the tenant being able to read it.
create table hub.oauth_clients (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    instance_id uuid,
    integration_slug text check (integration_slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    auth_method text not null check (auth_method ~ '^[a-z][a-z0-9_]{0,62}$'),
    client_id text not null check (length(client_id) between 1 and 500),
    sealed bytea,
    secret_expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, instance_id) references hub.integration_instances (org_id, id) on delete cascade,
    check ((instance_id is null) <> (integration_slug is null))
);

create unique index oauth_clients_instance_key on hub.oauth_clients (org_id, instance_id, auth_method) where instance_id is not null;
create unique index oauth_clients_integration_key on hub.oauth_clients (org_id, integration_slug, auth_method)
    where integration_slug is not null;

alter table hub.oauth_clients enable row level security;
alter table hub.oauth_clients force row level security;

create policy tenant on hub.oauth_clients to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.oauth_clients to hub_definer using (true);

grant select, insert, update, delete on hub.oauth_clients to hub_app;
grant select on hub.oauth_clients to hub_worker, hub_definer;
comment on table hub.oauth_clients is 'Clients (apps) at providers: an id, and the secret or private key, sealed.';
comment on column hub.oauth_clients.secret_expires_at is 'When the provider stops taking the secret, for the expiry calendar.';


-- The client of an organization's instance: its own, else the one of the integration's owner. The secret stays sealed
-- under its owner's key. Only the hub's own processes may ask, and only for the organization they act for.
create function hub.client_of_instance(p_org_id uuid, p_instance_id uuid, p_auth_method text)
returns table (org_id uuid, id uuid, client_id text, sealed bytea, shared boolean, secret_expires_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select c.org_id, c.id, c.client_id, c.sealed, c.org_id <> i.org_id, c.secret_expires_at
    from hub.integration_instances i
    join hub.integrations d on d.org_id = i.integration_org_id and d.id = i.integration_id
    join hub.oauth_clients c on c.auth_method = p_auth_method and (
        (c.org_id = i.org_id and c.instance_id = i.id)
        or (c.org_id = d.org_id and c.integration_slug = d.slug and (d.org_id = i.org_id or d.visibility = 'public'))
    )
    where i.org_id = p_org_id and i.id = p_instance_id and p_org_id = hub.current_org()
    order by c.instance_id nulls last
    limit 1
$$;
alter function hub.client_of_instance(uuid, uuid, text) owner to hub_definer;
revoke execute on function hub.client_of_instance(uuid, uuid, text) from public;
grant execute on function hub.client_of_instance(uuid, uuid, text) to hub_app, hub_worker;
comment on function hub.client_of_instance(uuid, uuid, text) is 'The client that an instance authorizes accounts with, sealed.';
