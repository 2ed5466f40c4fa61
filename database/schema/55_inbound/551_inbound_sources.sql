-- Where a provider posts to: an address that nobody guesses, how what comes there is verified, and what becomes of it.
-- The token in the address is shown once and kept as its SHA-256.
--
--   route    event | endpoint | sync  one event out of a message, or a notice of it
--            publish                  the message says itself what is to be published, as a request to publish does
--            connector                its integration says which facts are in a message, and of which record
--            accounts                 passed on to the organizations whose accounts it is about: an integration's
--                                     owner has one address at the provider for all who connect through its app
--   fed      what an `accounts` source passes on to this organization comes in here; it has no address of its own
create table hub.inbound_sources (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    name text not null check (length(name) between 1 and 200),
    scheme text not null check (scheme in (
        'standard', 'github', 'stripe', 'slack', 'zoom', 'shopify', 'twilio', 'hmac', 'basic', 'api_key', 'mtls', 'graph',
        'salesforce', 'pulled'
    )),
    config jsonb not null default '{}' check (jsonb_typeof(config) = 'object' and octet_length(config::text) <= 16384),
    token_digest bytea not null check (octet_length(token_digest) = 32),
    route text not null default 'event' check (route in ('event', 'publish', 'endpoint', 'sync', 'connector', 'accounts')),
    endpoint_id uuid,
    instance_id uuid,
    connection_id uuid,
    integration_slug text check (integration_slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    fed boolean not null default false,
    event_type text check (length(event_type) <= 128 and event_type ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$'),
    event_type_from jsonb check (jsonb_typeof(event_type_from) = 'object'),
    status text not null default 'enabled' check (status in ('enabled', 'disabled')),
    size_limit integer not null default 1048576 check (size_limit between 1 and 1048576),
    tolerance integer not null default 300 check (tolerance between 1 and 3600),
    rate_limit integer not null default 100 check (rate_limit between 1 and 100000),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    -- An endpoint that is deleted leaves the source without one: what comes then fails, visibly, until it gets another.
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete set null (endpoint_id),
    -- What was set up for an instance goes with it; uninstalling says so before.
    foreign key (org_id, instance_id) references hub.integration_instances (org_id, id) on delete cascade,
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    check (endpoint_id is null or route = 'endpoint'),
    check (route <> 'connector' or instance_id is not null),
    check ((route = 'accounts') = (integration_slug is not null)),
    check (connection_id is null or route = 'connector'),
    check (not fed or route = 'connector'),
    check (route in ('publish', 'sync', 'connector', 'accounts') or event_type is not null or event_type_from is not null)
);

-- Like a key id: an address is called before the organization is known.
create unique index inbound_sources_token_digest_key on hub.inbound_sources (token_digest);
create index inbound_sources_instance_idx on hub.inbound_sources (org_id, instance_id) where instance_id is not null;
create unique index inbound_sources_fed_key on hub.inbound_sources (org_id, instance_id) where fed;
create index inbound_sources_connection_idx on hub.inbound_sources (org_id, connection_id) where connection_id is not null;
create index inbound_sources_endpoint_idx on hub.inbound_sources (org_id, endpoint_id) where endpoint_id is not null;

-- The secrets that a source verifies with, sealed. Several are live while one is rotated out.
create table hub.inbound_source_secrets (
    org_id uuid not null,
    source_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sealed bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    primary key (org_id, source_id, id),
    foreign key (org_id, source_id) references hub.inbound_sources (org_id, id) on delete cascade
);

alter table hub.inbound_sources enable row level security;
alter table hub.inbound_sources force row level security;
alter table hub.inbound_source_secrets enable row level security;
alter table hub.inbound_source_secrets force row level security;

create policy tenant on hub.inbound_sources to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_sources to hub_definer using (true) with check (true);
create policy tenant on hub.inbound_source_secrets to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_source_secrets to hub_definer using (true);

grant select, insert, delete, update (
    name, scheme, config, token_digest, route, endpoint_id, event_type, event_type_from, status, size_limit, tolerance,
    rate_limit, updated_at
) on hub.inbound_sources to hub_app;
grant select (
    org_id, id, name, scheme, route, endpoint_id, instance_id, connection_id, integration_slug, fed, event_type,
    event_type_from, status, created_at, updated_at
) on hub.inbound_sources to hub_worker, hub_readonly;
grant delete on hub.inbound_sources to hub_worker;
grant select, insert on hub.inbound_sources to hub_definer;
grant select, insert, delete, update (expires_at) on hub.inbound_source_secrets to hub_app;
grant select, delete on hub.inbound_source_secrets to hub_definer;
comment on table hub.inbound_sources is 'Addresses that providers post to: how to verify, where to route.';
comment on column hub.inbound_sources.config is 'What the verification scheme is told besides its secrets; never a secret.';
comment on column hub.inbound_sources.event_type_from is
    '{"header" or "pointer", "prefix"}: where the provider says what happened; event_type stands in when it does not.';
comment on column hub.inbound_sources.connection_id is 'Whose messages come here, where that is one connection alone.';
comment on column hub.inbound_sources.integration_slug is 'For the route accounts: the organization''s own integration.';
comment on column hub.inbound_sources.fed is 'Whether it takes in what the integration''s owner passes on.';
comment on column hub.inbound_sources.tolerance is 'Seconds that a signed timestamp may lie from the hub''s clock.';
comment on column hub.inbound_sources.rate_limit is 'Requests a second that one API process takes.';
comment on table hub.inbound_source_secrets is 'Secrets that sources verify with, sealed; several while one is rotated out.';


-- What stands at an address: the source with its live secrets, the newest first. An organization that is suspended has
-- no addresses.
create function hub.open_inbound_door(p_token_digest bytea)
returns table (
    org_id uuid, id uuid, scheme text, config jsonb, status text, size_limit integer, tolerance integer,
    rate_limit integer, secret_ids uuid[], sealed bytea[]
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select s.org_id, s.id, s.scheme, s.config, s.status, s.size_limit, s.tolerance, s.rate_limit, k.ids, k.sealed
    from hub.inbound_sources s
    join hub.organizations o on o.id = s.org_id and o.suspended_at is null
    cross join lateral (
        select coalesce(array_agg(k.id order by k.id desc), '{}') as ids,
            coalesce(array_agg(k.sealed order by k.id desc), '{}') as sealed
        from hub.inbound_source_secrets k
        where k.org_id = s.org_id and k.source_id = s.id and (k.expires_at is null or k.expires_at > now())
    ) as k
    where s.token_digest = p_token_digest
$$;
alter function hub.open_inbound_door(bytea) owner to hub_definer;
revoke execute on function hub.open_inbound_door(bytea) from public;
grant execute on function hub.open_inbound_door(bytea) to hub_app;
comment on function hub.open_inbound_door(bytea) is 'The source at an address, by the digest of its token, with its live secrets.';
