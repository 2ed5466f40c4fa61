-- Keys for programs. Only a keyed digest is kept: whoever steals this table can neither use a key nor guess one.
create table hub.api_keys (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    key_id text not null check (key_id ~ '^[0-9A-Za-z]{12}$'),
    name text not null check (length(name) between 1 and 200),
    digest bytea not null check (octet_length(digest) = 32),
    last4 text not null check (length(last4) = 4),
    scopes text[] not null check (cardinality(scopes) between 1 and 100),
    created_by uuid,
    rate_limit integer check (rate_limit between 1 and 1000000),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz,
    primary key (org_id, id)
);

-- The one unique key without org_id: a key names itself before anyone knows its organization. Its 71 random bits
-- reveal nothing about other tenants.
create unique index api_keys_key_id_key on hub.api_keys (key_id);

alter table hub.api_keys enable row level security;
alter table hub.api_keys force row level security;

create policy tenant on hub.api_keys to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.api_keys to hub_definer using (true) with check (true);

grant select (org_id, id, key_id, name, last4, scopes, created_by, rate_limit, created_at, expires_at, last_used_at, revoked_at)
    on hub.api_keys to hub_app, hub_readonly;
grant insert, update (name, revoked_at, expires_at) on hub.api_keys to hub_app;
grant select, update (last_used_at) on hub.api_keys to hub_definer;
comment on table hub.api_keys is 'API keys of an organization: a digest, scopes, a rate limit and an end.';
comment on column hub.api_keys.rate_limit is 'Requests a second in each API process; null takes the deployment''s default.';
comment on column hub.api_keys.created_by is 'The person who made it; its scopes are cut to what that person may still do.';


-- What an API process needs to check a key it was shown, before it knows the organization. The creator's present
-- permissions come along: a key never outlives the rights of whoever made it.
create function hub.find_api_key(p_key_id text)
returns table (
    org_id uuid, id uuid, digest bytea, scopes text[], creator_permissions text[], creator_gone boolean,
    rate_limit integer, expires_at timestamptz, operator boolean
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select k.org_id, k.id, k.digest, k.scopes, r.permissions, k.created_by is not null and r.name is null,
        k.rate_limit, k.expires_at, o.operator
    from hub.api_keys k
    join hub.organizations o on o.id = k.org_id and o.suspended_at is null
    left join hub.members m on m.org_id = k.org_id and m.person_id = k.created_by
    left join hub.roles r on r.org_id = m.org_id and r.name = m.role
    where k.key_id = p_key_id and k.revoked_at is null and k.expires_at > now()
$$;
alter function hub.find_api_key(text) owner to hub_definer;
revoke execute on function hub.find_api_key(text) from public;
grant execute on function hub.find_api_key(text) to hub_app;
comment on function hub.find_api_key(text) is 'A live key by its public half, with what is needed to check and limit it.';


-- Note when keys were last used, many at once and now and then: knowing the minute is enough.
create function hub.touch_api_keys(p_org_ids uuid[], p_ids uuid[], p_used_at timestamptz[]) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update hub.api_keys k set last_used_at = u.used_at
    from unnest(p_org_ids, p_ids, p_used_at) as u (org_id, id, used_at)
    where k.org_id = u.org_id and k.id = u.id and (k.last_used_at is null or k.last_used_at < u.used_at)
$$;
alter function hub.touch_api_keys(uuid[], uuid[], timestamptz[]) owner to hub_definer;
revoke execute on function hub.touch_api_keys(uuid[], uuid[], timestamptz[]) from public;
grant execute on function hub.touch_api_keys(uuid[], uuid[], timestamptz[]) to hub_app;
comment on function hub.touch_api_keys(uuid[], uuid[], timestamptz[]) is 'Note when keys were last used.';
