-- A page on which a host product's customer connects an account: who has its address may act, for a short time. The
-- token in the address is kept as its SHA-256; the first browser that does something on the page is the only one that
-- may go on. What the page shows follows from this row and from its connection.
--
--   completed_at  the account works (its test went well); closed_at: whoever made it has taken it back
--   anew          whether it authorizes a connection that was there before (else it makes one)
--   busy_until    something that was sent is being worked on: a second press of the button waits for the first
create table hub.connect_sessions (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    digest bytea not null check (octet_length(digest) = 32),
    instance_id uuid not null,
    connection_id uuid,
    anew boolean not null,
    name text not null check (length(name) between 1 and 200),
    product text check (length(product) <= 100),
    return_url text check (length(return_url) <= 2000),
    auth_methods text[] check (cardinality(auth_methods) between 1 and 10),
    language text check (length(language) between 2 and 10),
    browser_digest bytea check (octet_length(browser_digest) = 32),
    steps integer not null default 0 check (steps >= 0),
    busy_until timestamptz,
    problem text check (length(problem) <= 60),
    problem_detail text check (length(problem_detail) <= 500),
    sealed_device bytea,
    begun_by text check (length(begun_by) <= 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    completed_at timestamptz,
    closed_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, instance_id) references hub.integration_instances (org_id, id) on delete cascade,
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete set null (connection_id)
);

-- Like a key id: the page is opened before the organization is known.
create unique index connect_sessions_digest_key on hub.connect_sessions (digest);
create index connect_sessions_connection_idx on hub.connect_sessions (org_id, connection_id);
create index connect_sessions_instance_idx on hub.connect_sessions (org_id, instance_id);

alter table hub.connect_sessions enable row level security;
alter table hub.connect_sessions force row level security;

create policy tenant on hub.connect_sessions to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connect_sessions to hub_definer using (true);

-- Only open_connect_session() compares digests of tokens.
grant select (
    org_id, id, instance_id, connection_id, anew, name, product, return_url, auth_methods, language, browser_digest,
    steps, busy_until, problem, problem_detail, sealed_device, begun_by, created_at, expires_at, completed_at, closed_at
), insert, update (
    connection_id, language, browser_digest, steps, busy_until, problem, problem_detail, sealed_device,
    expires_at, completed_at, closed_at
) on hub.connect_sessions to hub_app;
grant select, delete on hub.connect_sessions to hub_definer;
comment on table hub.connect_sessions is 'Connect pages: short-lived, by which somebody without a key connects an account.';
comment on column hub.connect_sessions.steps is 'How often something was sent from the page: there is an end to trying.';
comment on column hub.connect_sessions.problem is 'Why the last step did not lead to a working account: a stable word.';
comment on column hub.connect_sessions.sealed_device is 'The code that is to be typed in at the provider, and where.';


-- The page behind a token, while it is good.
create function hub.open_connect_session(p_digest bytea)
returns table (org_id uuid, id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select s.org_id, s.id from hub.connect_sessions s join hub.organizations o on o.id = s.org_id
    where s.digest = p_digest and s.expires_at > now() and s.closed_at is null and o.suspended_at is null
$$;
alter function hub.open_connect_session(bytea) owner to hub_definer;
revoke execute on function hub.open_connect_session(bytea) from public;
grant execute on function hub.open_connect_session(bytea) to hub_app;
comment on function hub.open_connect_session(bytea) is 'The organization and the id of a live connect page.';
