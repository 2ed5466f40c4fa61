-- Somebody is on the way to a provider's consent page and back. The state that travels along is shown once and kept as
-- its SHA-256, like the cookie of the browser that set out: a code that comes back in another browser is not taken.
-- The PKCE verifier is sealed.
--
-- A link is what the account's owner is sent: opened, it begins a flow in that browser. It can be opened until one of
-- the flows succeeds, since mail scanners open links as well.
create table hub.oauth_links (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    digest bytea not null check (octet_length(digest) = 32),
    return_url text check (length(return_url) <= 2000),
    begun_by text check (length(begun_by) <= 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

-- Like a key id: the link is opened before the organization is known.
create unique index oauth_links_digest_key on hub.oauth_links (digest);
create index oauth_links_connection_idx on hub.oauth_links (org_id, connection_id);

alter table hub.oauth_links enable row level security;
alter table hub.oauth_links force row level security;

create policy tenant on hub.oauth_links to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.oauth_links to hub_definer using (true);

grant select (org_id, id, connection_id, expires_at), insert, delete on hub.oauth_links to hub_app;
grant select, delete on hub.oauth_links to hub_definer;
comment on table hub.oauth_links is 'Links by which an account''s owner begins to authorize a connection.';


create table hub.oauth_flows (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    link_id uuid,
    connect_session_id uuid,
    state_digest bytea not null check (octet_length(state_digest) = 32),
    browser_digest bytea not null check (octet_length(browser_digest) = 32),
    sealed_verifier bytea not null,
    redirect_uri text not null check (length(redirect_uri) between 8 and 2000),
    return_url text check (length(return_url) <= 2000),
    issuer text check (length(issuer) <= 2000),
    requested_scopes text[] not null default '{}' check (cardinality(requested_scopes) <= 200),
    begun_by text check (length(begun_by) <= 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

-- Like a key id: the state comes back before the organization is known.
create unique index oauth_flows_state_digest_key on hub.oauth_flows (state_digest);
create index oauth_flows_connection_idx on hub.oauth_flows (org_id, connection_id);

alter table hub.oauth_flows enable row level security;
alter table hub.oauth_flows force row level security;

create policy tenant on hub.oauth_flows to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.oauth_flows to hub_definer using (true);

-- Whoever begins a flow deletes the expired ones of the organization; only take_oauth_flow() reads the secrets.
grant select (org_id, id, connection_id, requested_scopes, begun_by, created_at, expires_at), insert, delete
    on hub.oauth_flows to hub_app;
grant select, delete on hub.oauth_flows to hub_definer;
comment on table hub.oauth_flows is 'Authorizations under way: digests of state and browser, the sealed verifier, an end.';
comment on column hub.oauth_flows.connect_session_id is 'The connect page that it was begun on, and that it leads back to.';
comment on column hub.oauth_flows.issuer is 'Who must have issued the answer (RFC 9207), where the provider says who it is.';


-- Take the flow that a state belongs to, once: whoever comes with it again, too late, or in another browser finds none.
create function hub.take_oauth_flow(p_state_digest bytea, p_browser_digest bytea)
returns table (
    org_id uuid, id uuid, connection_id uuid, sealed_verifier bytea, redirect_uri text, issuer text,
    requested_scopes text[], begun_by text, return_url text, link_id uuid, connect_session_id uuid
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from hub.oauth_flows f using hub.organizations o
    where f.state_digest = p_state_digest and f.browser_digest = p_browser_digest and f.expires_at > now()
        and o.id = f.org_id and o.suspended_at is null
    returning f.org_id, f.id, f.connection_id, f.sealed_verifier, f.redirect_uri, f.issuer, f.requested_scopes, f.begun_by,
        f.return_url, f.link_id, f.connect_session_id
$$;
alter function hub.take_oauth_flow(bytea, bytea) owner to hub_definer;
revoke execute on function hub.take_oauth_flow(bytea, bytea) from public;
grant execute on function hub.take_oauth_flow(bytea, bytea) to hub_app;
comment on function hub.take_oauth_flow(bytea, bytea) is 'A live flow by the digests of its state and browser; gone thereby.';


-- What stands behind a link, while it is good.
create function hub.open_oauth_link(p_digest bytea)
returns table (org_id uuid, id uuid, connection_id uuid, return_url text, begun_by text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select l.org_id, l.id, l.connection_id, l.return_url, l.begun_by
    from hub.oauth_links l join hub.organizations o on o.id = l.org_id
    where l.digest = p_digest and l.expires_at > now() and o.suspended_at is null
$$;
alter function hub.open_oauth_link(bytea) owner to hub_definer;
revoke execute on function hub.open_oauth_link(bytea) from public;
grant execute on function hub.open_oauth_link(bytea) to hub_app;
comment on function hub.open_oauth_link(bytea) is 'The connection that a live link authorizes.';


-- Where a browser may be sent back to, word for word, once an account is authorized.
create table hub.oauth_return_urls (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    url text not null check (length(url) between 8 and 2000),
    created_at timestamptz not null default now(),
    primary key (org_id, url)
);

alter table hub.oauth_return_urls enable row level security;
alter table hub.oauth_return_urls force row level security;

create policy tenant on hub.oauth_return_urls to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert, delete on hub.oauth_return_urls to hub_app;
comment on table hub.oauth_return_urls is 'The only addresses that a browser is sent back to.';
