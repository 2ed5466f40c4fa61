-- A live, credentialed link of an instance to one provider account. What it is worked with is in connection_credentials;
-- here is what may be shown.
--
--   status   pending (nobody has authorized it yet) -> connected -> needs_reauthorization | failing | disconnected
--   enabled  switched off by a person, whatever the status
--   health   what the last checks and calls said; every change of it is in connection_health
create table hub.api_connections (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    instance_id uuid not null,
    name text not null check (length(name) between 1 and 200),
    auth_method text not null default 'main' check (auth_method ~ '^[a-z][a-z0-9_]{0,62}$'),
    auth_type text not null check (auth_type in ('oauth2', 'api_key', 'basic', 'bearer', 'custom', 'none')),
    account_label text check (length(account_label) <= 300),
    account_key text check (length(account_key) <= 300),
    requested_scopes text[] check (cardinality(requested_scopes) <= 200),
    granted_scopes text[] not null default '{}' check (cardinality(granted_scopes) <= 500),
    missing_scopes text[] not null default '{}',
    status text not null default 'pending'
        check (status in ('pending', 'connected', 'needs_reauthorization', 'failing', 'disconnected')),
    status_code text check (length(status_code) <= 60),
    status_reason text check (length(status_reason) <= 500),
    enabled boolean not null default true,
    health text not null default 'unknown' check (health in ('unknown', 'healthy', 'unhealthy')),
    health_code text check (length(health_code) <= 60),
    health_reason text check (length(health_reason) <= 500),
    health_since timestamptz not null default now(),
    checked_at timestamptz,
    check_due_at timestamptz,
    last_used_at timestamptz,
    blocked_until timestamptz,
    created_by text check (length(created_by) <= 200),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, instance_id) references hub.integration_instances (org_id, id) on delete cascade
);

create index api_connections_instance_idx on hub.api_connections (org_id, instance_id);
-- For what a provider says of an account, before the organization is known.
create index api_connections_account_idx on hub.api_connections (account_key) where account_key is not null;
create index api_connections_check_idx on hub.api_connections (check_due_at) where check_due_at is not null;

alter table hub.api_connections enable row level security;
alter table hub.api_connections force row level security;

create policy tenant on hub.api_connections to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.api_connections to hub_definer using (true) with check (true);

grant select, insert, update, delete on hub.api_connections to hub_app;
grant select, update (
    account_label, account_key, granted_scopes, missing_scopes, status, status_code, status_reason, health, health_code,
    health_reason, health_since, checked_at, check_due_at, last_used_at, blocked_until, updated_at
) on hub.api_connections to hub_worker;
grant select on hub.api_connections to hub_tenant, hub_readonly;
grant select, update (check_due_at, last_used_at) on hub.api_connections to hub_definer;
comment on table hub.api_connections is 'Connections: credentialed links of instances to provider accounts.';
comment on column hub.api_connections.auth_method is 'Which of the manifest''s ways of authorizing it uses.';
comment on column hub.api_connections.account_key is 'The provider''s own id of the account: whose rate budget is spent.';
comment on column hub.api_connections.requested_scopes is 'Scopes chosen by whoever made it; null: the manifest''s defaults.';
comment on column hub.api_connections.missing_scopes is 'Required scopes that the account''s owner did not grant.';
comment on column hub.api_connections.blocked_until is 'The provider asked not to be called until then.';
