-- A receiver of an organization's events.
create table hub.webhook_endpoints (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    kind text not null default 'push' check (kind in ('push', 'pull')),
    url text check (length(url) between 8 and 2000),
    -- A queue, a topic, a stream or a bucket in place of a URL.
    destination jsonb check (jsonb_typeof(destination) = 'object'),
    description text not null default '' check (length(description) <= 500),
    status text not null default 'enabled' check (status in ('enabled', 'disabled')),
    disabled_reason text check (disabled_reason in ('by_request', 'gone', 'failing')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),

    -- What is sent.
    event_types text[] not null default '{*}' check (cardinality(event_types) between 1 and 100),
    channels text[] check (cardinality(channels) between 1 and 10),
    filter text check (length(filter) between 1 and 10000),
    transform text check (length(transform) between 1 and 10000),
    thin boolean not null default false,
    method text not null default 'POST' check (method in ('POST', 'PUT', 'PATCH')),
    headers jsonb not null default '{}' check (jsonb_typeof(headers) = 'object'),
    compression text check (compression = 'gzip'),
    encryption_key jsonb,
    batch_size smallint not null default 1 check (batch_size between 1 and 100),
    batch_wait_ms integer not null default 0 check (batch_wait_ms between 0 and 60000),

    -- How it is sent.
    retry_policy jsonb,
    rate_limit real check (rate_limit between 0.01 and 10000),
    concurrency smallint check (concurrency between 1 and 256),
    ordering text not null default 'none' check (ordering in ('none', 'key', 'endpoint')),
    on_exhausted text not null default 'skip' check (on_exhausted in ('skip', 'block', 'park')),
    signatures text[] not null default '{v1}' check (signatures <@ array['v1', 'v1a'] and cardinality(signatures) > 0),

    primary key (org_id, id),
    check ((status = 'disabled') = (disabled_reason is not null)),
    check (num_nonnulls(url, destination) = case kind when 'push' then 1 else 0 end)
);

-- What an endpoint's messages are signed with and what the hub shows to its receiver, sealed. Several signing secrets
-- are live while one is rotated out. The public half of an ed25519 key is in the JWKS.
create table hub.webhook_endpoint_secrets (
    org_id uuid not null,
    endpoint_id uuid not null,
    id uuid not null default hub.uuidv7(),
    kind text not null default 'v1' check (kind in ('v1', 'v1a', 'auth')),
    sealed bytea not null,
    public_key text check (length(public_key) <= 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    primary key (org_id, endpoint_id, id),
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete cascade,
    check ((kind = 'v1a') = (public_key is not null))
);

-- What holds deliveries to an endpoint back, beside its own settings: its circuit, a pause that the receiver asked for,
-- and the tokens of its rate limit. There is a row only for endpoints that have been in trouble or have a limit.
create table hub.webhook_endpoint_gates (
    org_id uuid not null,
    endpoint_id uuid not null,
    circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
    failures integer not null default 0 check (failures >= 0),
    openings integer not null default 0 check (openings >= 0),
    failing_since timestamptz,
    opens_until timestamptz,
    slow_until timestamptz,
    tokens double precision not null default 0,
    tokens_at timestamptz,
    primary key (org_id, endpoint_id),
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete cascade
);

-- The JWKS of all endpoints is read from here.
create index webhook_endpoint_secrets_public_idx on hub.webhook_endpoint_secrets (org_id, id) where kind = 'v1a';

-- How often the set of an organization's endpoints has changed: the fan-out of an event type is worked out once per
-- revision. Raised by a trigger, so that no code path can forget to.
create table hub.webhook_endpoint_revisions (
    org_id uuid primary key references hub.organizations (id) on delete cascade,
    revision bigint not null
);

alter table hub.webhook_endpoints enable row level security;
alter table hub.webhook_endpoints force row level security;
alter table hub.webhook_endpoint_secrets enable row level security;
alter table hub.webhook_endpoint_secrets force row level security;
alter table hub.webhook_endpoint_gates enable row level security;
alter table hub.webhook_endpoint_gates force row level security;
alter table hub.webhook_endpoint_revisions enable row level security;
alter table hub.webhook_endpoint_revisions force row level security;

create policy tenant on hub.webhook_endpoints to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_endpoints to hub_definer using (true);

create policy tenant on hub.webhook_endpoint_secrets to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

create policy definer on hub.webhook_endpoint_secrets to hub_definer using (true);

create policy tenant on hub.webhook_endpoint_gates to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_endpoint_gates to hub_definer using (true) with check (true);

create policy definer on hub.webhook_endpoint_revisions to hub_definer using (true) with check (true);

grant select, insert, delete, update (
    url, destination, description, status, disabled_reason, updated_at, event_types, channels, filter, transform, thin, method, headers,
    compression, encryption_key, batch_size, batch_wait_ms, retry_policy, rate_limit, concurrency, ordering, on_exhausted,
    signatures
) on hub.webhook_endpoints to hub_app;
grant select, update (status, disabled_reason, updated_at) on hub.webhook_endpoints to hub_worker;
grant select on hub.webhook_endpoints to hub_tenant, hub_readonly, hub_definer;
grant select, insert, delete, update (expires_at) on hub.webhook_endpoint_secrets to hub_app;
grant select on hub.webhook_endpoint_secrets to hub_worker;
grant select (org_id, endpoint_id, id, kind, public_key, expires_at) on hub.webhook_endpoint_secrets to hub_definer;
grant select, delete on hub.webhook_endpoint_gates to hub_app;
grant select, insert, update on hub.webhook_endpoint_gates to hub_worker;
grant select on hub.webhook_endpoint_gates to hub_tenant, hub_readonly;
grant select, insert, update on hub.webhook_endpoint_gates to hub_definer;
grant select, insert, update on hub.webhook_endpoint_revisions to hub_definer;
comment on table hub.webhook_endpoints is 'Receivers of an organization''s events.';
comment on column hub.webhook_endpoints.event_types is 'Exact types, prefixes such as invoice.*, or * for all.';
comment on column hub.webhook_endpoints.channels is 'Only events of one of these channels; null: of any and of none.';
comment on column hub.webhook_endpoints.filter is 'A JSONata expression over the message; what it does not hold for is not sent.';
comment on column hub.webhook_endpoints.transform is 'A JSONata expression that makes the body that is sent out of the message.';
comment on column hub.webhook_endpoints.ordering is 'One at a time: none, of each ordering key, or of the whole endpoint.';
comment on column hub.webhook_endpoints.on_exhausted is 'What an exhausted delivery does to those behind it: skip, block or park.';
comment on column hub.webhook_endpoints.rate_limit is 'Attempts per second, over all workers.';
comment on column hub.webhook_endpoints.concurrency is 'Deliveries in flight at once, over all workers.';
comment on table hub.webhook_endpoint_secrets is 'Signing keys of endpoints and what authenticates the hub to them, sealed.';
comment on table hub.webhook_endpoint_gates is 'What holds deliveries to an endpoint back: circuit, pause, rate.';
comment on table hub.webhook_endpoint_revisions is 'Counts the changes to an organization''s endpoints.';


create function hub.bump_endpoint_revision() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Deleting an organization takes its endpoints with it: there is no revision left to count then.
    insert into hub.webhook_endpoint_revisions (org_id, revision)
    select o.id, 1 from hub.organizations o where o.id = coalesce(new.org_id, old.org_id)
    on conflict (org_id) do update set revision = webhook_endpoint_revisions.revision + 1;
    return null;
end
$$;
alter function hub.bump_endpoint_revision() owner to hub_definer;
revoke execute on function hub.bump_endpoint_revision() from public;
comment on function hub.bump_endpoint_revision() is 'Counts a change to the set of an organization''s endpoints.';

create trigger bump_endpoint_revision
    after insert or delete or update of event_types, channels, ordering, status on hub.webhook_endpoints
    for each row execute function hub.bump_endpoint_revision();


-- Does an event type match one of the patterns? `*` is all, `invoice.*` is everything below invoice, else equality. The
-- hub's own types (`hub.endpoint.disabled` and so on) are no business of a receiver that did not name them: `*` leaves
-- them out.
create function hub.event_type_matches(p_type text, p_patterns text[]) returns boolean
language sql immutable parallel safe strict
as $$
    select exists (
        select from unnest(p_patterns) as p (pattern)
        where (p.pattern = '*' and not starts_with(p_type, 'hub.')) or p.pattern = p_type
            or (right(p.pattern, 2) = '.*' and starts_with(p_type, left(p.pattern, -1)))
    )
$$;
revoke execute on function hub.event_type_matches(text, text[]) from public;
grant execute on function hub.event_type_matches(text, text[]) to hub_app, hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on function hub.event_type_matches(text, text[]) is 'Whether an event type matches one of an endpoint''s patterns.';
