-- A live, credentialed link of an instance to one provider account. Credentials are sealed before they get here.
--
-- Refreshing a token is single-flight across processes: who refreshes takes the lease and raises the fence, and writes
-- the new credential only where the fence is still its own.
create table hub.api_connections (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    instance_id uuid not null,
    name text not null check (length(name) between 1 and 200),
    auth_type text not null check (auth_type in ('oauth2', 'api_key', 'basic', 'bearer', 'custom', 'none')),
    sealed_credential bytea,
    account_label text check (length(account_label) <= 300),
    account_key text check (length(account_key) <= 300),
    granted_scopes text[] not null default '{}',
    status text not null default 'pending' check (status in ('pending', 'connected', 'needs_reauth', 'failing', 'disconnected')),
    status_reason text check (length(status_reason) <= 500),
    credential_expires_at timestamptz,
    grant_expires_at timestamptz,
    refresh_due_at timestamptz,
    refresh_fence integer not null default 0,
    refresh_lease_until timestamptz,
    checked_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, instance_id) references hub.integration_instances (org_id, id) on delete cascade,
    check (status in ('pending', 'disconnected') or auth_type = 'none' or sealed_credential is not null)
);

create index api_connections_instance_idx on hub.api_connections (org_id, instance_id);
create index api_connections_refresh_idx on hub.api_connections (org_id, refresh_due_at) where refresh_due_at is not null;

alter table hub.api_connections enable row level security;
alter table hub.api_connections force row level security;

create policy tenant on hub.api_connections to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.api_connections to hub_definer using (true);

grant select, insert, update, delete on hub.api_connections to hub_app;
grant select (org_id, id, instance_id, status) on hub.api_connections to hub_definer;
grant select, update (
    sealed_credential, granted_scopes, status, status_reason, credential_expires_at, grant_expires_at, refresh_due_at,
    refresh_fence, refresh_lease_until, checked_at, last_used_at, updated_at
) on hub.api_connections to hub_worker;
grant select (
    org_id, id, instance_id, name, auth_type, account_label, granted_scopes, status, status_reason,
    credential_expires_at, grant_expires_at, checked_at, last_used_at, created_at, updated_at
) on hub.api_connections to hub_tenant, hub_readonly;
comment on table hub.api_connections is 'Connections: credentialed links of instances to provider accounts.';
comment on column hub.api_connections.sealed_credential is 'Tokens, keys or passwords, sealed for this row.';
comment on column hub.api_connections.grant_expires_at is
    'When the grant itself ends unless it is used or renewed, where the provider says so: a person must authorize anew.';
comment on column hub.api_connections.account_key is 'The provider''s own id of the account: whose rate budget is spent.';
comment on column hub.api_connections.refresh_fence is 'Rises with each refresh; only the last one''s result may be stored.';
