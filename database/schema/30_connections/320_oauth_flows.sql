-- Somebody is on the way to a provider's consent page and back. The state that travels along is shown once and kept as
-- its SHA-256, like the cookie of the browser that set out: a code that comes back in another browser is not taken.
-- The PKCE verifier is sealed.
create table hub.oauth_flows (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    state_digest bytea not null check (octet_length(state_digest) = 32),
    browser_digest bytea not null check (octet_length(browser_digest) = 32),
    sealed_verifier bytea not null,
    redirect_uri text not null check (length(redirect_uri) between 8 and 2000),
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
comment on column hub.oauth_flows.issuer is 'Who must have issued the answer (RFC 9207), where the provider says who it is.';


-- Take the flow that a state belongs to, once: whoever comes with it again, too late, or in another browser finds none.
create function hub.take_oauth_flow(p_state_digest bytea, p_browser_digest bytea)
returns table (
    org_id uuid, id uuid, connection_id uuid, sealed_verifier bytea, redirect_uri text, issuer text,
    requested_scopes text[], begun_by text
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from hub.oauth_flows f using hub.organizations o
    where f.state_digest = p_state_digest and f.browser_digest = p_browser_digest and f.expires_at > now()
        and o.id = f.org_id and o.suspended_at is null
    returning f.org_id, f.id, f.connection_id, f.sealed_verifier, f.redirect_uri, f.issuer, f.requested_scopes, f.begun_by
$$;
alter function hub.take_oauth_flow(bytea, bytea) owner to hub_definer;
revoke execute on function hub.take_oauth_flow(bytea, bytea) from public;
grant execute on function hub.take_oauth_flow(bytea, bytea) to hub_app;
comment on function hub.take_oauth_flow(bytea, bytea) is 'A live flow by the digests of its state and browser; gone thereby.';
