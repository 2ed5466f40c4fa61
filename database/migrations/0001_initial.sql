-- ======== schema/00_foundation/010_schema.sql

-- Everything the hub owns lives in one schema, so that it can share a database with its host product.
create schema hub;

comment on schema hub is 'WorkSphere Hub: events, webhooks, connections, syncs and their tenants.';


-- ======== schema/00_foundation/020_roles.sql

-- Group roles. None of them can log in: a deployment grants them to logins of its own (see docs/guides/operate.md).
-- They are cluster-wide, so a second hub in the same cluster finds them already there.
--
--   hub_app        the API processes: read and write under the tenant's row-level security
--   hub_worker     the worker processes: the same, plus claiming and recording deliveries
--   hub_tenant     an organization's own login, or Supabase's `authenticated`: reads its own rows, calls the functions
--   hub_publisher  the host product's own backend role: may call trigger_webhook() for any organization
--   hub_readonly   support and reporting: reads one organization's rows at a time
--   hub_definer    owns the functions that must see more than one organization; nobody logs in as it
do $$
declare
    v_role text;
begin
    foreach v_role in array array[
        'hub_app', 'hub_worker', 'hub_tenant', 'hub_publisher', 'hub_readonly', 'hub_definer'
    ] loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            execute pg_catalog.format('create role %I nologin', v_role);
        end if;
    end loop;

    -- Whoever installs the schema hands functions over to hub_definer, which takes membership in it. From PostgreSQL 16
    -- on, who creates a role is a member that may grant it but not become it, until he grants it to himself.
    if not pg_catalog.pg_has_role(
        current_user, 'hub_definer',
        case when pg_catalog.current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end
    ) then
        execute pg_catalog.format('grant hub_definer to %I', current_user);
    end if;

    -- On a Supabase project PostgREST's roles take part as what they are: a signed-in user of one organization,
    -- and the project's own backend.
    if exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
        grant hub_tenant to authenticated;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        grant hub_publisher to service_role;
    end if;
end
$$;

grant usage on schema hub to hub_app, hub_worker, hub_tenant, hub_publisher, hub_readonly, hub_definer;
grant create on schema hub to hub_definer;


-- ======== schema/00_foundation/030_context.sql

-- Which organization is this transaction for? Every policy asks this one function, wrapped in `(select ...)` so that
-- it is answered once a statement and not once a row.
--
-- In order: the login itself (`hub_org_<32 hex>` is bound to its organization and cannot speak for another), the JWT
-- claims that PostgREST and Supabase set (`org_id`, or `app_metadata.org_id`, which a user cannot edit), and the
-- setting that the hub's own processes make for the length of one transaction. No context means no rows.
create function hub.current_org() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        case when session_user ~ '^hub_org_[0-9a-f]{32}$' then substr(session_user, 9)::uuid end,
        (
            select nullif(coalesce(c.claims ->> 'org_id', c.claims -> 'app_metadata' ->> 'org_id'), '')::uuid
            from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb) as c (claims)
        ),
        nullif(current_setting('hub.org', true), '')::uuid
    )
$$;

revoke execute on function hub.current_org() from public;
grant execute on function hub.current_org() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_readonly, hub_definer;
comment on function hub.current_org() is
    'The organization this transaction acts for; null when it acts for none. Row-level security rests on it.';


-- The role that the caller of a SECURITY DEFINER function has outside of it: what SET ROLE chose (PostgREST does so
-- for every request), else the login.
create function hub.calling_role() returns name
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when coalesce(current_setting('role', true), 'none') = 'none' then session_user
        else current_setting('role')::name
    end
$$;

revoke execute on function hub.calling_role() from public;
grant execute on function hub.calling_role() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_definer;
comment on function hub.calling_role() is 'The role of whoever calls a SECURITY DEFINER function, seen from inside it.';


-- ======== schema/00_foundation/040_ids.sql

-- Ids are UUIDv7 (RFC 9562): time-ordered, so that new rows go to the end of every index, and so that tables can be
-- partitioned by time on the primary key itself. PostgreSQL 18 has the generator built in.
do $$
begin
    if pg_catalog.to_regprocedure('pg_catalog.uuidv7()') is not null then
        execute 'create function hub.uuidv7() returns uuid language sql volatile parallel safe '
            'as ''select pg_catalog.uuidv7()''';
    else
        execute $f$
            create function hub.uuidv7() returns uuid language sql volatile parallel safe as '
                select encode(
                    set_bit(set_bit(
                        overlay(
                            uuid_send(gen_random_uuid())
                            placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                            from 1 for 6
                        ), 52, 1), 53, 1),
                    ''hex'')::uuid'
        $f$;
    end if;
end
$$;

revoke execute on function hub.uuidv7() from public;
grant execute on function hub.uuidv7() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_definer;
comment on function hub.uuidv7() is 'A fresh time-ordered id.';


-- The smallest UUIDv7 of an instant: the boundary of a time partition, and of a search by time.
create function hub.uuidv7_floor(p_at timestamptz) returns uuid
language sql immutable parallel safe strict
as $$
    select (lpad(to_hex(floor(extract(epoch from p_at at time zone 'UTC') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

revoke execute on function hub.uuidv7_floor(timestamptz) from public;
grant execute on function hub.uuidv7_floor(timestamptz) to hub_app, hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on function hub.uuidv7_floor(timestamptz) is 'The smallest time-ordered id of an instant.';


-- ======== schema/00_foundation/050_deployment.sql

-- One row: which deployment this is, and the check value of the master key that its secrets are sealed under. A
-- process started with another master key refuses to run instead of writing what nobody can read.
create table hub.deployment (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid(),
    master_key_id text not null,
    master_key_check bytea not null check (octet_length(master_key_check) = 8),
    pepper bytea not null,
    created_at timestamptz not null default now()
);

alter table hub.deployment enable row level security;
alter table hub.deployment force row level security;

-- No tenant owns this row and it holds no secret: the hub's own processes read it, only the installer writes it.
create policy deployment on hub.deployment for select to hub_app, hub_worker using (true);
create policy installer on hub.deployment to hub_definer using (true) with check (true);

grant select on hub.deployment to hub_app, hub_worker;
grant select, insert, update on hub.deployment to hub_definer;
-- Rotating the master key rewraps the pepper.
grant update (master_key_id, master_key_check, pepper) on hub.deployment to hub_worker;
create policy rotation on hub.deployment for update to hub_worker using (true) with check (true);
comment on table hub.deployment is 'Which deployment this is and which master key its secrets are sealed under.';


-- Found the deployment, once: whoever comes second finds it founded and changes nothing. Only the owner may.
create function hub.found_deployment(p_id uuid, p_master_key_id text, p_master_key_check bytea, p_pepper bytea)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into hub.deployment (id, master_key_id, master_key_check, pepper)
    values (p_id, p_master_key_id, p_master_key_check, p_pepper) on conflict (only_row) do nothing;
    return found;
end
$$;
alter function hub.found_deployment(uuid, text, bytea, bytea) owner to hub_definer;
revoke execute on function hub.found_deployment(uuid, text, bytea, bytea) from public;
comment on function hub.found_deployment(uuid, text, bytea, bytea) is 'Write the deployment''s one row, if it is not there yet.';

do $$
begin
    -- Ownership has moved to hub_definer, so the installer needs the right to call it back.
    execute pg_catalog.format(
        'grant execute on function hub.found_deployment(uuid, text, bytea, bytea) to %I', current_user);
end
$$;


-- ======== schema/00_foundation/060_migrations.sql

-- Which migrations this database has had. The composed schema writes them all at its end: a schema that was pasted
-- whole goes on from there.
create table hub.schema_migrations (
    name text primary key check (name ~ '^[0-9]{4}_[a-z0-9_]+$'),
    checksum text not null,
    applied_at timestamptz not null default now()
);

alter table hub.schema_migrations enable row level security;
alter table hub.schema_migrations force row level security;

-- No tenant's rows and no secret: every process of the hub checks at its start that the schema is as new as itself.
create policy everyone on hub.schema_migrations for select to hub_app, hub_worker using (true);
-- The owner is a member of hub_definer, and on most managed servers not above row-level security.
create policy installer on hub.schema_migrations to hub_definer using (true) with check (true);

grant select on hub.schema_migrations to hub_app, hub_worker;
comment on table hub.schema_migrations is 'Which migrations this database has had.';


-- ======== schema/10_accounts/110_organizations.sql

-- A tenant. Every row of every other table belongs to one. The operator's own organization (the company that runs the
-- hub) is the one whose keys may act for the others.
create table hub.organizations (
    id uuid primary key default hub.uuidv7(),
    slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (length(name) between 1 and 200),
    operator boolean not null default false,
    created_at timestamptz not null default now(),
    suspended_at timestamptz
);

alter table hub.organizations enable row level security;
alter table hub.organizations force row level security;

create policy tenant on hub.organizations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (id = (select hub.current_org())) with check (id = (select hub.current_org()));
create policy definer on hub.organizations to hub_definer using (true) with check (true);

grant select, insert, update (name, suspended_at) on hub.organizations to hub_app;
grant select on hub.organizations to hub_worker, hub_tenant, hub_readonly;
grant select, insert, update, delete on hub.organizations to hub_definer;
comment on table hub.organizations is 'Tenants: the customers of the company that runs the hub, and that company itself.';
comment on column hub.organizations.operator is 'The company that runs the hub: its keys may act for other organizations.';
comment on column hub.organizations.suspended_at is 'Set: its keys and sessions are refused and its events are not accepted.';


-- All organizations, for the operator: a page of 200 and one more, newest first; or the one with a slug. The API asks
-- for nobody else.
create function hub.list_organizations(p_before uuid, p_slug text) returns setof hub.organizations
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.organizations o
    where (p_before is null or o.id < p_before) and (p_slug is null or o.slug = p_slug)
    order by o.id desc limit 201
$$;
alter function hub.list_organizations(uuid, text) owner to hub_definer;
revoke execute on function hub.list_organizations(uuid, text) from public;
grant execute on function hub.list_organizations(uuid, text) to hub_app;
comment on function hub.list_organizations(uuid, text) is
    'Organizations before the given one, newest first, for the operator; by slug where given.';


-- Whether there is such an organization and it is not suspended: one round trip, since every request in which the
-- operator acts for another organization has to know.
create function hub.organization_is_open(p_org_id uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select exists (select from hub.organizations o where o.id = p_org_id and o.suspended_at is null)
$$;
alter function hub.organization_is_open(uuid) owner to hub_definer;
revoke execute on function hub.organization_is_open(uuid) from public;
grant execute on function hub.organization_is_open(uuid) to hub_app;
comment on function hub.organization_is_open(uuid) is 'Whether there is such an organization and it is not suspended.';


-- The organization that runs the hub, if there is one yet: the first that was made so. What the hub brings along is
-- offered in its name.
create function hub.operator_organization() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select o.id from hub.organizations o where o.operator order by o.id limit 1
$$;
alter function hub.operator_organization() owner to hub_definer;
revoke execute on function hub.operator_organization() from public;
grant execute on function hub.operator_organization() to hub_app, hub_worker;
comment on function hub.operator_organization() is 'The organization that runs the hub, or null.';


-- ======== schema/10_accounts/120_people.sql

-- A person who can sign in. A person may belong to several organizations, so this table belongs to none: an
-- organization sees exactly the people who are its members.
create table hub.people (
    id uuid primary key default hub.uuidv7(),
    email text not null unique check (email = lower(email) and length(email) between 3 and 254),
    name text not null check (length(name) between 1 and 200),
    password_hash text not null check (password_hash like '$argon2id$%'),
    created_at timestamptz not null default now()
);

-- The roles of an organization: names for sets of permissions. The built-in ones are written when it is created.
create table hub.roles (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    name text not null check (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    permissions text[] not null check (cardinality(permissions) <= 100),
    built_in boolean not null default false,
    created_at timestamptz not null default now(),
    primary key (org_id, name)
);

-- Who belongs to an organization, and as what.
create table hub.members (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    person_id uuid not null references hub.people (id) on delete cascade,
    role text not null,
    created_at timestamptz not null default now(),
    primary key (org_id, person_id),
    foreign key (org_id, role) references hub.roles (org_id, name)
);

create index members_person_idx on hub.members (person_id, org_id);

alter table hub.people enable row level security;
alter table hub.people force row level security;
alter table hub.roles enable row level security;
alter table hub.roles force row level security;
alter table hub.members enable row level security;
alter table hub.members force row level security;

create policy tenant on hub.people to hub_app, hub_readonly
    using (exists (
        select from hub.members m where m.org_id = (select hub.current_org()) and m.person_id = people.id
    ))
    with check (false);
create policy definer on hub.people to hub_definer using (true) with check (true);

create policy tenant on hub.roles to hub_app, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.roles to hub_definer using (true);

create policy tenant on hub.members to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.members to hub_definer using (true);

grant select (id, email, name, created_at) on hub.people to hub_app, hub_readonly;
grant select, insert, update on hub.people to hub_definer;
grant select, insert, update (permissions), delete on hub.roles to hub_app;
grant select on hub.roles to hub_tenant, hub_readonly, hub_definer;
grant select, insert, update (role), delete on hub.members to hub_app;
grant select on hub.members to hub_readonly, hub_definer;
comment on table hub.people is 'People who can sign in; an organization sees those who are its members.';
comment on table hub.roles is 'Named sets of permissions of an organization.';
comment on table hub.members is 'Who belongs to an organization, and in which role.';


-- Create a person; null when somebody has this e-mail address already. Whoever adds a known person to an organization
-- has to check that person's own password first (see `invitations`): the password of a person whom one organization
-- signed up must not open another.
create function hub.create_person(p_email text, p_name text, p_password_hash text) returns uuid
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into hub.people (email, name, password_hash) values (lower(p_email), p_name, p_password_hash)
    on conflict (email) do nothing returning id
$$;
alter function hub.create_person(text, text, text) owner to hub_definer;
revoke execute on function hub.create_person(text, text, text) from public;
grant execute on function hub.create_person(text, text, text) to hub_app;
comment on function hub.create_person(text, text, text) is 'Create a person; answers the id, or null when the e-mail is taken.';


-- What signing in needs to know: the hash to check the password against, and the organizations to choose from. Nobody
-- is signed in yet, so there is no tenant to filter by.
create function hub.find_login(p_email text)
returns table (person_id uuid, password_hash text, org_id uuid, slug text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select p.id, p.password_hash, o.id, o.slug
    from hub.people p
    left join hub.members m on m.person_id = p.id
    left join hub.organizations o on o.id = m.org_id and o.suspended_at is null
    where p.email = lower(p_email)
    order by o.slug
$$;
alter function hub.find_login(text) owner to hub_definer;
revoke execute on function hub.find_login(text) from public;
grant execute on function hub.find_login(text) to hub_app;
comment on function hub.find_login(text) is 'The password hash and the organizations of a person who signs in.';


-- Replace a password hash by another, if it still is the one that was checked: a rehash at sign-in must not undo a
-- change of password that happens at the same moment.
create function hub.set_password(p_person_id uuid, p_before text, p_password_hash text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update hub.people p set password_hash = p_password_hash where p.id = p_person_id and p.password_hash = p_before;
    return found;
end
$$;
alter function hub.set_password(uuid, text, text) owner to hub_definer;
revoke execute on function hub.set_password(uuid, text, text) from public;
grant execute on function hub.set_password(uuid, text, text) to hub_app;
comment on function hub.set_password(uuid, text, text) is 'Replace a person''s password hash, if nobody else has meanwhile.';


-- ======== schema/10_accounts/125_invitations.sql

-- Somebody is to become a member. The code is shown once to whoever invites, who passes it on; only its SHA-256 is
-- kept. Accepting takes the code and the person's own password (which a new person sets): the code alone would let an
-- organization take over somebody's account, the password alone would let whoever signed a person up elsewhere
-- follow them here.
create table hub.invitations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    email text not null check (email = lower(email) and length(email) between 3 and 254),
    role text not null,
    digest bytea not null check (octet_length(digest) = 32),
    invited_by uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, id),
    unique (org_id, email),
    foreign key (org_id, role) references hub.roles (org_id, name)
);

-- Like a key id: the code is shown before the organization is known.
create unique index invitations_digest_key on hub.invitations (digest);

alter table hub.invitations enable row level security;
alter table hub.invitations force row level security;

create policy tenant on hub.invitations to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.invitations to hub_definer using (true);

grant select (org_id, id, email, role, invited_by, created_at, expires_at), insert, delete on hub.invitations to hub_app;
grant select, delete on hub.invitations to hub_definer;
comment on table hub.invitations is 'People who are asked to become members: a digest of the code, the role, an end.';
comment on column hub.invitations.invited_by is 'The person who invites; the invitation goes when that person is demoted or removed.';


-- What accepting needs to know: where to, and the password hash to check against if the person is known already.
create function hub.find_invitation(p_digest bytea)
returns table (org_id uuid, id uuid, email text, role text, person_id uuid, password_hash text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select i.org_id, i.id, i.email, i.role, p.id, p.password_hash
    from hub.invitations i
    join hub.organizations o on o.id = i.org_id and o.suspended_at is null
    left join hub.people p on p.email = i.email
    where i.digest = p_digest and i.expires_at > now()
$$;
alter function hub.find_invitation(bytea) owner to hub_definer;
revoke execute on function hub.find_invitation(bytea) from public;
grant execute on function hub.find_invitation(bytea) to hub_app;
comment on function hub.find_invitation(bytea) is 'A live invitation by the digest of its code.';


-- ======== schema/10_accounts/130_api_keys.sql

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


-- ======== schema/10_accounts/140_sessions.sql

-- A person signed in to one organization. The token itself is never stored, only its SHA-256: it is 256 random bits,
-- so a plain hash cannot be reversed.
create table hub.sessions (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    person_id uuid not null,
    digest bytea not null check (octet_length(digest) = 32),
    ip inet,
    user_agent text check (length(user_agent) <= 400),
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, id),
    foreign key (org_id, person_id) references hub.members (org_id, person_id) on delete cascade
);

-- Like a key id: the token is shown before the organization is known.
create unique index sessions_digest_key on hub.sessions (digest);
create index sessions_person_idx on hub.sessions (org_id, person_id);
-- Signing out everywhere looks for a person before it knows the organizations.
create index sessions_everywhere_idx on hub.sessions (person_id, org_id);

alter table hub.sessions enable row level security;
alter table hub.sessions force row level security;

create policy tenant on hub.sessions to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.sessions to hub_definer using (true) with check (true);

grant select (org_id, id, person_id, ip, user_agent, created_at, seen_at, expires_at), insert, delete on hub.sessions to hub_app;
grant select, update (seen_at), delete on hub.sessions to hub_definer;
comment on table hub.sessions is 'People signed in: a digest of the token, from where, until when.';


-- Check a session token: alive, not idle for longer than twelve hours, its person still a member, its organization
-- not suspended. Seeing it counts as use, written at most once a minute.
create function hub.find_session(p_digest bytea)
returns table (org_id uuid, id uuid, person_id uuid, email text, role text, permissions text[], operator boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select s.org_id, s.id, s.person_id, p.email, m.role, r.permissions, o.operator
        from hub.sessions s
        join hub.members m on m.org_id = s.org_id and m.person_id = s.person_id
        join hub.roles r on r.org_id = m.org_id and r.name = m.role
        join hub.people p on p.id = s.person_id
        join hub.organizations o on o.id = s.org_id and o.suspended_at is null
        where s.digest = p_digest and s.expires_at > now() and s.seen_at > now() - interval '12 hours';
    if found then
        update hub.sessions s set seen_at = now()
        where s.digest = p_digest and s.seen_at < now() - interval '1 minute';
    end if;
end
$$;
alter function hub.find_session(bytea) owner to hub_definer;
revoke execute on function hub.find_session(bytea) from public;
grant execute on function hub.find_session(bytea) to hub_app;
comment on function hub.find_session(bytea) is 'A live session by the digest of its token.';


-- Sign a person out everywhere, in every organization, but for the session that is kept (null: none is).
create function hub.end_sessions(p_person_id uuid, p_kept uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    delete from hub.sessions s where s.person_id = p_person_id and s.id is distinct from p_kept;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.end_sessions(uuid, uuid) owner to hub_definer;
revoke execute on function hub.end_sessions(uuid, uuid) from public;
grant execute on function hub.end_sessions(uuid, uuid) to hub_app;
comment on function hub.end_sessions(uuid, uuid) is 'End all sessions of a person but one; answers how many.';


-- ======== schema/10_accounts/150_audit_log.sql

-- Who did what to what, from where, and what came of it. Append-only: nobody is granted UPDATE or DELETE.
create table hub.audit_log (
    org_id uuid not null references hub.organizations (id),
    id uuid not null default hub.uuidv7(),
    actor_kind text not null check (actor_kind in ('person', 'api_key', 'system', 'cli')),
    actor_id text,
    acting_org_id uuid,
    action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    target_kind text not null,
    target_id text,
    result text not null default 'done' check (result in ('done', 'refused')),
    changes jsonb not null default '{}',
    ip inet,
    user_agent text,
    request_id text,
    created_at timestamptz not null default now(),
    primary key (org_id, id)
);

create index audit_log_action_idx on hub.audit_log (org_id, action, id);

alter table hub.audit_log enable row level security;
alter table hub.audit_log force row level security;

create policy tenant on hub.audit_log to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert on hub.audit_log to hub_app, hub_worker;
grant select on hub.audit_log to hub_readonly;
comment on table hub.audit_log is 'Append-only record of every change and every refused attempt.';
comment on column hub.audit_log.acting_org_id is 'The operator''s organization, when its key acted for this one.';
comment on column hub.audit_log.changes is 'Non-secret fields before and after: {"field": [before, after]}.';


-- ======== schema/10_accounts/160_organization_keys.sql

-- The data keys an organization's secrets are sealed under, each wrapped by the master key, which is not in this
-- database. One key per organization, purpose and version: destroying them erases what they sealed.
create table hub.organization_keys (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    purpose text not null check (purpose in ('cred', 'payload', 'index', 'audit')),
    version integer not null check (version > 0),
    wrapped bytea not null,
    master_key_id text not null,
    state text not null default 'active' check (state in ('active', 'retired')),
    created_at timestamptz not null default now(),
    primary key (org_id, purpose, version)
);

alter table hub.organization_keys enable row level security;
alter table hub.organization_keys force row level security;

create policy tenant on hub.organization_keys to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.organization_keys to hub_definer using (true) with check (true);

grant select, insert, update (state) on hub.organization_keys to hub_app, hub_worker;
grant select, update (wrapped, master_key_id) on hub.organization_keys to hub_definer;
comment on table hub.organization_keys is 'Wrapped data keys, by organization and purpose; useless without the master key.';


-- Rotating the master key: the keys still wrapped by another one, a batch at a time, and their rewrapped form back.
-- Rewrapping replaces a row only if it still holds what was read, so that two rotations cannot cross.
create function hub.stale_organization_keys(p_master_key_id text)
returns setof hub.organization_keys
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.organization_keys where master_key_id <> p_master_key_id
    order by org_id, purpose, version limit 500
$$;
alter function hub.stale_organization_keys(text) owner to hub_definer;
revoke execute on function hub.stale_organization_keys(text) from public;
grant execute on function hub.stale_organization_keys(text) to hub_worker;
comment on function hub.stale_organization_keys(text) is 'Data keys that another master key than this one wraps, 500 at most.';

create function hub.rewrap_organization_key(
    p_org_id uuid, p_purpose text, p_version integer, p_before bytea, p_wrapped bytea, p_master_key_id text
) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update hub.organization_keys k set wrapped = p_wrapped, master_key_id = p_master_key_id
    where k.org_id = p_org_id and k.purpose = p_purpose and k.version = p_version and k.wrapped = p_before;
    return found;
end
$$;
alter function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) owner to hub_definer;
revoke execute on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) from public;
grant execute on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) to hub_worker;
comment on function hub.rewrap_organization_key(uuid, text, integer, bytea, bytea, text) is
    'Store a data key wrapped by the new master key, if nobody else has meanwhile.';


-- ======== schema/10_accounts/170_idempotency_keys.sql

-- What an organization has already asked for, so that asking twice does it once. `event_id` is the publisher's own id
-- of an event, `event` an Idempotency-Key on publishing, `request` one on any other write, whose answer is kept
-- sealed (it may hold a secret that is shown only once).
create table hub.idempotency_keys (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    scope text not null check (scope in ('event_id', 'event', 'request')),
    key text not null check (length(key) between 1 and 255),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    event_id uuid,
    status smallint,
    sealed_answer bytea,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, scope, key)
);

create index idempotency_keys_expiry_idx on hub.idempotency_keys (expires_at);

alter table hub.idempotency_keys enable row level security;
alter table hub.idempotency_keys force row level security;

create policy tenant on hub.idempotency_keys to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.idempotency_keys to hub_definer using (true) with check (true);

grant select, insert, delete, update (status, sealed_answer, created_at) on hub.idempotency_keys to hub_app;
grant select, insert, delete on hub.idempotency_keys to hub_definer;
comment on table hub.idempotency_keys is 'Requests an organization has made before, so that asking twice does it once.';


-- Forget what has expired, in the idempotency keys, the sessions, the invitations, the OAuth flows and links, and in the connect pages (a month later): 5,000 rows at most a call, oldest first.
create function hub.forget_expired() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
    v_sessions bigint;
    v_invitations bigint;
    v_flows bigint;
    v_links bigint;
    v_pages bigint;
begin
    with old as (select org_id, scope, key from hub.idempotency_keys where expires_at < now() order by expires_at limit 5000)
    delete from hub.idempotency_keys k using old
    where (k.org_id, k.scope, k.key) = (old.org_id, old.scope, old.key);
    get diagnostics v_count = row_count;
    with old as (select org_id, id from hub.sessions where expires_at < now() limit 5000)
    delete from hub.sessions s using old where (s.org_id, s.id) = (old.org_id, old.id);
    get diagnostics v_sessions = row_count;
    with old as (select org_id, id from hub.invitations where expires_at < now() limit 5000)
    delete from hub.invitations i using old where (i.org_id, i.id) = (old.org_id, old.id);
    get diagnostics v_invitations = row_count;
    with old as (select org_id, id from hub.oauth_flows where expires_at < now() limit 5000)
    delete from hub.oauth_flows f using old where (f.org_id, f.id) = (old.org_id, old.id);
    get diagnostics v_flows = row_count;
    with old as (select org_id, id from hub.oauth_links where expires_at < now() limit 5000)
    delete from hub.oauth_links l using old where (l.org_id, l.id) = (old.org_id, old.id);
    get diagnostics v_links = row_count;
    with old as (select org_id, id from hub.connect_sessions where expires_at < now() - interval '30 days' limit 5000)
    delete from hub.connect_sessions c using old where (c.org_id, c.id) = (old.org_id, old.id);
    get diagnostics v_pages = row_count;
    return v_count + v_sessions + v_invitations + v_flows + v_links + v_pages;
end
$$;
alter function hub.forget_expired() owner to hub_definer;
revoke execute on function hub.forget_expired() from public;
grant execute on function hub.forget_expired() to hub_worker;
comment on function hub.forget_expired() is
    'Delete expired idempotency keys, sessions, invitations, OAuth flows, links and connect pages, a batch at a time.';


-- ======== schema/20_catalog/210_integrations.sql

-- A definition: what can be connected, how it authenticates, its settings, streams, actions and events, as a manifest.
-- An organization can define its own. Those that everybody may install belong to the operator's organization and say so
-- themselves (`visibility`), so that this table, too, holds nothing without a tenant; a listing cannot say it for them,
-- since it names the newest version only and older ones stay installed. A manifest version is immutable: an upgrade is
-- a new row.
create table hub.integrations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    version text not null check (version ~ '^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$'),
    name text not null check (length(name) between 1 and 200),
    category text not null check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
    auth_types text[] not null default '{}'
        check (auth_types <@ array['oauth2', 'api_key', 'basic', 'bearer', 'custom', 'none']),
    manifest jsonb not null check (jsonb_typeof(manifest) = 'object'),
    manifest_digest bytea not null check (octet_length(manifest_digest) = 32),
    tier text not null default 'none' check (tier in ('none', 'bronze', 'silver', 'gold', 'platinum')),
    state text not null default 'draft' check (state in ('draft', 'published', 'withdrawn')),
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    withdrawn_at timestamptz,
    withdrawn_reason text check (length(withdrawn_reason) between 1 and 500),
    stopped boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, slug, version),
    check (visibility = 'private' or state <> 'draft'),
    check ((state = 'withdrawn') = (withdrawn_at is not null and withdrawn_reason is not null)),
    check (state = 'withdrawn' or not stopped)
);

alter table hub.integrations enable row level security;
alter table hub.integrations force row level security;
-- The policy `tenant` stands at the end of the room (250): it asks two tables that do not exist yet.
-- Installing somebody's integration takes reading its manifest, which holds no secret; changing it is another thing.
create policy own_rows_update on hub.integrations as restrictive for update to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy own_rows_delete on hub.integrations as restrictive for delete to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy definer on hub.integrations to hub_definer using (true);

grant select, insert, delete, update (
    version, name, category, auth_types, manifest, manifest_digest, tier, state, visibility, withdrawn_at,
    withdrawn_reason, stopped, updated_at
) on hub.integrations to hub_app;
grant select on hub.integrations to hub_worker, hub_tenant, hub_readonly, hub_definer;
-- For the lock that require_installable() takes; definer functions change nothing here.
grant update (updated_at) on hub.integrations to hub_definer;
comment on table hub.integrations is 'Definitions of what can be connected, by version; the manifest of a version never changes.';
comment on column hub.integrations.manifest_digest is 'SHA-256 of the manifest as it was registered: an instance is pinned to it.';
comment on column hub.integrations.tier is 'Worked out by the hub from the manifest (sdk/quality.py); nobody claims it.';
comment on column hub.integrations.visibility is 'Public ones are read and, while published, installed by every organization.';
comment on column hub.integrations.stopped is 'Withdrawn for a reason that its instances must not go on with: none of them works.';


-- A version that was published stays what it is: whoever installed it agreed to that and to nothing else. And what was
-- withdrawn stays withdrawn.
create function hub.keep_published() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.state <> 'draft' and (
        (new.org_id, new.id, new.slug, new.version, new.manifest_digest)
        is distinct from (old.org_id, old.id, old.slug, old.version, old.manifest_digest)
        or new.manifest <> old.manifest or new.state = 'draft'
    ) then
        raise exception 'a published version never changes' using
            errcode = 'integrity_constraint_violation', hint = 'Register a new version.';
    end if;
    if old.state = 'withdrawn' and new.state <> 'withdrawn' then
        raise exception 'a withdrawn version stays withdrawn' using
            errcode = 'integrity_constraint_violation', hint = 'Register a new version.';
    end if;
    return new;
end
$$;
revoke execute on function hub.keep_published() from public;
comment on function hub.keep_published() is 'Refuses to change a version that was published.';

create trigger keep_published before update on hub.integrations
    for each row execute function hub.keep_published();


-- ======== schema/20_catalog/220_integration_marketplace.sql

-- An integration offered to others: what the marketplace shows. A listing belongs to the organization that publishes
-- it; the public ones are seen by every organization, which is the one place where a tenant reads another's rows, and
-- why a listing holds nothing that is not meant to be seen.
create table hub.integration_marketplace (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    integration_id uuid not null,
    slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (length(name) between 1 and 200),
    summary text not null check (length(summary) between 1 and 300),
    description text not null default '' check (length(description) <= 20000),
    category text not null check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
    auth_types text[] not null default '{}',
    keywords text not null default '' check (length(keywords) <= 2000),
    version text not null default '0.0.0',
    tier text not null default 'none' check (tier in ('none', 'bronze', 'silver', 'gold', 'platinum')),
    unlisted boolean not null default false,
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    links jsonb not null default '{}' check (jsonb_typeof(links) = 'object'),
    install_count bigint not null default 0 check (install_count >= 0),
    review_count bigint not null default 0 check (review_count >= 0),
    rating_sum bigint not null default 0 check (rating_sum between review_count and review_count * 5),
    published_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    search tsvector generated always as (
        setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', keywords), 'A')
        || setweight(to_tsvector('simple', summary), 'B') || setweight(to_tsvector('simple', description), 'C')
    ) stored,
    primary key (org_id, id),
    unique (org_id, slug),
    foreign key (org_id, integration_id) references hub.integrations (org_id, id),
    check (visibility = 'private' or published_at is not null)
);

-- What everybody sees is installed by its slug alone. The one unique key without org_id here tells nobody about a row
-- that is not theirs to see.
create unique index integration_marketplace_public_slug_key on hub.integration_marketplace (slug) where visibility = 'public';

-- Full-text search is not leakproof, so under row-level security it never uses an index: the catalogue is small (some
-- hundreds of rows), and a scan of it takes a millisecond.
create index integration_marketplace_public_idx on hub.integration_marketplace (org_id, category) where visibility = 'public';

alter table hub.integration_marketplace enable row level security;
alter table hub.integration_marketplace force row level security;

-- The policy `tenant` stands at the end of the room (250): it asks a table that does not exist yet.
-- Seeing a listing of another organization is one thing, changing it another.
create policy own_rows_update on hub.integration_marketplace as restrictive for update to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy own_rows_delete on hub.integration_marketplace as restrictive for delete to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy definer on hub.integration_marketplace to hub_definer using (true) with check (true);

-- The counts are kept by triggers and the catalogue's own functions: nobody writes a good average into a new listing.
grant select, delete,
    insert (
        org_id, id, integration_id, slug, name, summary, description, category, auth_types, keywords, version, tier, unlisted,
        visibility, links, published_at
    ),
    update (
        integration_id, name, summary, description, category, auth_types, keywords, version, tier, unlisted, visibility, links,
        published_at, updated_at
    )
    on hub.integration_marketplace to hub_app;
grant select on hub.integration_marketplace to hub_worker, hub_tenant, hub_readonly, hub_definer;
grant update (install_count, review_count, rating_sum) on hub.integration_marketplace to hub_definer;
comment on table hub.integration_marketplace is 'Listings: integrations offered to other organizations.';
comment on column hub.integration_marketplace.integration_id is 'The newest version that is published: what is installed from here.';
comment on column hub.integration_marketplace.keywords is 'The manifest''s tags, by spaces.';
comment on column hub.integration_marketplace.unlisted is 'Not offered any more, or all its versions are withdrawn: shown to those who have it.';
comment on column hub.integration_marketplace.install_count is 'Organizations that have it installed, each counted once.';
comment on column hub.integration_marketplace.rating_sum is 'Sum of the ratings of visible reviews; the average is this by review_count.';


-- ======== schema/20_catalog/230_integration_instances.sql

-- An integration that an organization has installed, with its settings and the version it is pinned to. The listing's
-- organization stands beside its id, since the listing is usually another's.
create table hub.integration_instances (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    integration_org_id uuid not null,
    integration_id uuid not null,
    listing_id uuid,
    name text not null check (length(name) between 1 and 200),
    environment text not null default 'production' check (environment ~ '^[a-z][a-z0-9-]{0,39}$'),
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 65536),
    status text not null default 'draft' check (status in ('draft', 'enabled', 'disabled')),
    pinned boolean not null default false,
    previous_integration_id uuid,
    previous_settings jsonb check (jsonb_typeof(previous_settings) = 'object'),
    installed_by text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, name, environment),
    -- Names the definition's owner and the definition: its tenant is in the key, though it is not this row's.
    foreign key (integration_org_id, integration_id) references hub.integrations (org_id, id),
    -- What it was before the last upgrade cannot be deleted either: it may be rolled back to.
    foreign key (integration_org_id, previous_integration_id) references hub.integrations (org_id, id),
    check ((previous_integration_id is null) = (previous_settings is null))
);

create index integration_instances_integration_idx on hub.integration_instances (org_id, integration_org_id, integration_id);
-- How many organizations have a listing installed, and who uses a version that is withdrawn.
create index integration_instances_listing_idx on hub.integration_instances (integration_org_id, listing_id, org_id);

alter table hub.integration_instances enable row level security;
alter table hub.integration_instances force row level security;

create policy tenant on hub.integration_instances to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.integration_instances to hub_definer using (true);

grant select, insert, delete, update (
    integration_org_id, integration_id, name, environment, settings, status, pinned, previous_integration_id,
    previous_settings, updated_at
) on hub.integration_instances to hub_app;
grant select on hub.integration_instances to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integration_instances is 'Integrations that an organization has installed.';
comment on column hub.integration_instances.pinned is 'Stays at its version: an upgrade is neither offered nor done until it is unpinned.';
comment on column hub.integration_instances.previous_integration_id is 'The version before the last upgrade, for one way back.';


-- What may be installed: an integration of one's own, or a published one that is public or shared with one; a listing
-- given must be one of that integration, since who may review it rests on it. A foreign key knows neither, and would
-- tell whether a private integration of somebody else's exists.
--
-- The version is locked until the transaction ends: whoever withdraws it waits, and then tells this instance as well.
create function hub.require_installable() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_slug text;
begin
    -- An instance of an integration that has been withdrawn since goes on working and may be changed.
    if tg_op = 'UPDATE' and (new.integration_org_id, new.integration_id) = (old.integration_org_id, old.integration_id) then
        return new;
    end if;
    select i.slug into v_slug from hub.integrations i
    where i.org_id = new.integration_org_id and i.id = new.integration_id and i.state <> 'withdrawn'
        and (i.org_id = new.org_id or (i.state = 'published' and (i.visibility = 'public' or exists (
            select from hub.integration_marketplace_shares s
            join hub.integration_marketplace m on m.org_id = s.org_id and m.id = s.listing_id
            where s.org_id = i.org_id and s.shared_with_org_id = new.org_id and m.slug = i.slug and not m.unlisted
        ))))
    for share;
    if not found or (new.listing_id is not null and not exists (
        select from hub.integration_marketplace m
        join hub.integrations d on d.org_id = m.org_id and d.id = m.integration_id
        where m.org_id = new.integration_org_id and m.id = new.listing_id and d.slug = v_slug
    )) then
        raise exception 'there is no such integration to install' using
            errcode = 'foreign_key_violation', constraint = 'require_installable',
            hint = 'Install one of your own, or a public one through its listing.';
    end if;
    return new;
end
$$;
alter function hub.require_installable() owner to hub_definer;
revoke execute on function hub.require_installable() from public;
comment on function hub.require_installable() is 'Refuses to install what is neither one''s own nor public nor shared.';

create trigger require_installable
    before insert or update of integration_org_id, integration_id on hub.integration_instances
    for each row execute function hub.require_installable();


-- Keep a listing's count of organizations true: one that has ten instances of it is one. The listing is locked first,
-- so that two instances that come or go at once see each other.
create function hub.count_install() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_row hub.integration_instances := case when tg_op = 'DELETE' then old else new end;
    v_others bigint;
begin
    if v_row.listing_id is null then
        return null;
    end if;
    update hub.integration_marketplace m set install_count = m.install_count
    where m.org_id = v_row.integration_org_id and m.id = v_row.listing_id;
    select count(*) into v_others from hub.integration_instances i
    where i.integration_org_id = v_row.integration_org_id and i.listing_id = v_row.listing_id
        and i.org_id = v_row.org_id and i.id <> v_row.id;
    if v_others = 0 then
        update hub.integration_marketplace m
        set install_count = greatest(m.install_count + case when tg_op = 'DELETE' then -1 else 1 end, 0)
        where m.org_id = v_row.integration_org_id and m.id = v_row.listing_id;
    end if;
    return null;
end
$$;
alter function hub.count_install() owner to hub_definer;
revoke execute on function hub.count_install() from public;
comment on function hub.count_install() is 'Keeps a listing''s count of organizations that have it installed true.';

create trigger count_install after insert or delete on hub.integration_instances
    for each row execute function hub.count_install();


-- Who uses a version, for its publisher who withdraws it: each organization with one of its instances a row.
create function hub.instances_of(p_org_id uuid, p_integration_id uuid)
returns table (org_id uuid, id uuid, name text, environment text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select i.org_id, i.id, i.name, i.environment from hub.integration_instances i
    where i.integration_org_id = p_org_id and i.integration_id = p_integration_id and p_org_id = hub.current_org()
    order by i.org_id, i.id
$$;
alter function hub.instances_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.instances_of(uuid, uuid) from public;
grant execute on function hub.instances_of(uuid, uuid) to hub_app;
comment on function hub.instances_of(uuid, uuid) is
    'Instances, of all organizations, of a version that belongs to the organization acted for.';


-- ======== schema/20_catalog/240_integration_reviews.sql

-- A rating with text by an organization that has the integration installed: one an organization and listing, tied to
-- the version it was written about. A review belongs to its author; whoever sees the listing sees the visible ones.
create table hub.integration_reviews (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    listing_org_id uuid not null,
    listing_id uuid not null,
    version text not null,
    rating smallint not null check (rating between 1 and 5),
    title text not null default '' check (length(title) <= 200),
    author text check (length(author) between 1 and 100),
    body text not null default '' check (length(body) <= 5000),
    reply text check (length(reply) between 1 and 5000),
    replied_at timestamptz,
    moderation text not null default 'visible' check (moderation in ('visible', 'hidden')),
    moderation_reason text check (length(moderation_reason) <= 500),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, listing_org_id, listing_id),
    -- Names the listing's owner and the listing: its tenant is in the key, though it is not this row's.
    foreign key (listing_org_id, listing_id) references hub.integration_marketplace (org_id, id) on delete cascade,
    check ((reply is null) = (replied_at is null)),
    check (moderation = 'visible' or moderation_reason is not null)
);

create index integration_reviews_listing_idx on hub.integration_reviews (listing_org_id, listing_id, id);

alter table hub.integration_reviews enable row level security;
alter table hub.integration_reviews force row level security;

create policy tenant on hub.integration_reviews to hub_app, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or (
            moderation = 'visible'
            and exists (
                select from hub.integration_marketplace m
                where m.org_id = integration_reviews.listing_org_id and m.id = integration_reviews.listing_id
            )
        )
    )
    with check (org_id = (select hub.current_org()));
create policy own_rows_update on hub.integration_reviews as restrictive for update to hub_app
    using (org_id = (select hub.current_org()));
-- A hidden review stays: deleting it and writing it anew would undo the moderation.
create policy own_rows_delete on hub.integration_reviews as restrictive for delete to hub_app
    using (org_id = (select hub.current_org()) and moderation = 'visible');
create policy definer on hub.integration_reviews to hub_definer using (true) with check (true);

grant select, delete,
    insert (org_id, id, listing_org_id, listing_id, version, rating, title, author, body),
    update (version, rating, title, author, body, updated_at)
    on hub.integration_reviews to hub_app;
grant select on hub.integration_reviews to hub_tenant, hub_readonly, hub_definer;
grant update (reply, replied_at, moderation, moderation_reason) on hub.integration_reviews to hub_definer;
comment on table hub.integration_reviews is 'Ratings and texts by organizations that have an integration installed.';
comment on column hub.integration_reviews.version is 'The version that its organization had when it was written; the database looks it up.';
comment on column hub.integration_reviews.author is 'How the reviewer wants to be called, if at all: nobody learns which organization it is.';


-- Keep the listing's average honest: every visible review counts once, whatever happens to it.
create function hub.count_review() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op <> 'INSERT' and old.moderation = 'visible' then
        update hub.integration_marketplace m
        set review_count = m.review_count - 1, rating_sum = m.rating_sum - old.rating
        where m.org_id = old.listing_org_id and m.id = old.listing_id;
    end if;
    if tg_op <> 'DELETE' and new.moderation = 'visible' then
        update hub.integration_marketplace m
        set review_count = m.review_count + 1, rating_sum = m.rating_sum + new.rating
        where m.org_id = new.listing_org_id and m.id = new.listing_id;
    end if;
    return null;
end
$$;
alter function hub.count_review() owner to hub_definer;
revoke execute on function hub.count_review() from public;
comment on function hub.count_review() is 'Keeps a listing''s count and sum of ratings true.';

create trigger count_review
    after insert or delete or update of rating, moderation on hub.integration_reviews
    for each row execute function hub.count_review();


-- A review is written by who has the integration installed, and by nobody else, about the version that is installed.
create function hub.require_installed() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version text;
begin
    select d.version into v_version from hub.integration_instances i
    join hub.integration_marketplace m on m.org_id = new.listing_org_id and m.id = new.listing_id
    join hub.integrations d on d.org_id = i.integration_org_id and d.id = i.integration_id
    where i.org_id = new.org_id and i.integration_org_id = m.org_id and (i.listing_id = m.id or i.integration_id = m.integration_id)
    order by string_to_array(d.version, '.')::integer[] desc
    limit 1;
    if not found then
        raise exception 'only an organization that has it installed may review it' using
            errcode = 'check_violation', constraint = 'require_installed';
    end if;
    new.version := v_version;
    return new;
end
$$;
alter function hub.require_installed() owner to hub_definer;
revoke execute on function hub.require_installed() from public;
comment on function hub.require_installed() is 'Refuses a review by an organization that has not installed the integration.';

create trigger require_installed before insert or update of version, rating, title, author, body on hub.integration_reviews
    for each row execute function hub.require_installed();


-- The listing's owner replies to a review, or takes the reply back (null). Answers whether there was such a review.
create function hub.reply_to_review(p_listing_id uuid, p_review_id uuid, p_reply text) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with replied as (
        update hub.integration_reviews r
        set reply = p_reply, replied_at = case when p_reply is not null then now() end
        where r.id = p_review_id and r.listing_id = p_listing_id and r.listing_org_id = hub.current_org()
            and r.moderation = 'visible'
        returning r.id
    )
    select exists (select from replied)
$$;
alter function hub.reply_to_review(uuid, uuid, text) owner to hub_definer;
revoke execute on function hub.reply_to_review(uuid, uuid, text) from public;
grant execute on function hub.reply_to_review(uuid, uuid, text) to hub_app;
comment on function hub.reply_to_review(uuid, uuid, text) is 'Writes the reply of the listing''s owner, who is the organization acted for.';


-- The operator hides a review, with the reason, or shows it again. Answers the review; no row: no such review.
create function hub.moderate_review(
    p_listing_org_id uuid, p_listing_id uuid, p_review_id uuid, p_moderation text, p_reason text
) returns setof hub.integration_reviews
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update hub.integration_reviews r set moderation = p_moderation, moderation_reason = p_reason
    where r.id = p_review_id and r.listing_org_id = p_listing_org_id and r.listing_id = p_listing_id
        and exists (select from hub.organizations o where o.id = hub.current_org() and o.operator)
    returning r.*
$$;
alter function hub.moderate_review(uuid, uuid, uuid, text, text) owner to hub_definer;
revoke execute on function hub.moderate_review(uuid, uuid, uuid, text, text) from public;
grant execute on function hub.moderate_review(uuid, uuid, uuid, text, text) to hub_app;
comment on function hub.moderate_review(uuid, uuid, uuid, text, text) is 'Hides or shows a review, for the operator''s organization alone.';


-- What the operator has hidden of a listing's reviews, newest first, before an id: 201 at most.
create function hub.hidden_reviews(p_listing_org_id uuid, p_listing_id uuid, p_before uuid)
returns setof hub.integration_reviews
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.integration_reviews r
    where r.listing_org_id = p_listing_org_id and r.listing_id = p_listing_id and r.moderation = 'hidden'
        and (p_before is null or r.id < p_before)
        and exists (select from hub.organizations o where o.id = hub.current_org() and o.operator)
    order by r.id desc limit 201
$$;
alter function hub.hidden_reviews(uuid, uuid, uuid) owner to hub_definer;
revoke execute on function hub.hidden_reviews(uuid, uuid, uuid) from public;
grant execute on function hub.hidden_reviews(uuid, uuid, uuid) to hub_app;
comment on function hub.hidden_reviews(uuid, uuid, uuid) is 'Hidden reviews of a listing, for the operator''s organization alone.';


-- ======== schema/20_catalog/250_integration_marketplace_shares.sql

-- Private listings are shared with single organizations, which then see them, and install them, as others do public
-- ones. Sharing tells the one organization of the listing, and nobody of the organization.
create table hub.integration_marketplace_shares (
    org_id uuid not null,
    listing_id uuid not null,
    shared_with_org_id uuid not null references hub.organizations (id) on delete cascade,
    created_at timestamptz not null default now(),
    primary key (org_id, listing_id, shared_with_org_id),
    foreign key (org_id, listing_id) references hub.integration_marketplace (org_id, id) on delete cascade
);

-- What was shared with an organization: asked by the policies below about every listing that is not its own.
create index integration_marketplace_shares_with_idx
    on hub.integration_marketplace_shares (shared_with_org_id, org_id, listing_id);

alter table hub.integration_marketplace_shares enable row level security;
alter table hub.integration_marketplace_shares force row level security;

create policy tenant on hub.integration_marketplace_shares to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org()) or shared_with_org_id = (select hub.current_org()))
    with check (org_id = (select hub.current_org()));
-- Being told of a listing does not mean to decide who else is.
create policy own_rows_delete on hub.integration_marketplace_shares as restrictive for delete to hub_app
    using (org_id = (select hub.current_org()));
create policy definer on hub.integration_marketplace_shares to hub_definer using (true);

grant select, insert, delete on hub.integration_marketplace_shares to hub_app;
grant select on hub.integration_marketplace_shares to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integration_marketplace_shares is 'Which organizations a private listing is shared with.';


-- Of another organization one sees the public listings and those that are shared with one.
create policy tenant on hub.integration_marketplace to hub_app, hub_worker, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or ((select hub.current_org()) is not null and visibility = 'public')
        or exists (
            select from hub.integration_marketplace_shares s
            where s.shared_with_org_id = (select hub.current_org())
                and s.org_id = integration_marketplace.org_id and s.listing_id = integration_marketplace.id
        )
    )
    with check (org_id = (select hub.current_org()));

-- A manifest is read by whoever may install it, and by whoever has installed it, or did before the last upgrade,
-- whatever became of the listing since.
create policy tenant on hub.integrations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or ((select hub.current_org()) is not null and visibility = 'public')
        or (state <> 'draft' and exists (
            select from hub.integration_instances i
            where i.org_id = (select hub.current_org()) and i.integration_org_id = integrations.org_id
                and integrations.id in (i.integration_id, i.previous_integration_id)
        ))
        or (state = 'published' and exists (
            select from hub.integration_marketplace_shares s
            join hub.integration_marketplace m on m.org_id = s.org_id and m.id = s.listing_id
            where s.shared_with_org_id = (select hub.current_org())
                and s.org_id = integrations.org_id and m.slug = integrations.slug
        ))
    )
    with check (org_id = (select hub.current_org()));


-- ======== schema/20_catalog/260_search_listings.sql

-- How near the listings that one sees come to what somebody typed, mistakes included, from 0 to 1: for each word typed,
-- the likeness of the nearest word of a listing's name and tags, and the average of that. The likeness of two words is, of
-- the letter triples that either has, the share that both have. (pg_trgm counts the same way, but it is an extension, and
-- this schema needs none.) Each word of the catalogue is compared once, however many listings have it.
create function hub.near_listings(p_typed text) returns table (org_id uuid, id uuid, closeness real)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with typed as (
        select distinct t.word, substr('  ' || t.word || ' ', n, 3) as triple
        from regexp_split_to_table(lower(p_typed), '[^[:alnum:]]+') as t (word)
        cross join lateral generate_series(1, length(t.word) + 1) as n
        where t.word <> ''
    ), typed_words as (
        select t.word, count(*) as size from typed t group by t.word
    ), words as (
        select distinct m.org_id, m.id, k.word
        from hub.integration_marketplace m
        cross join lateral regexp_split_to_table(lower(m.name || ' ' || m.keywords), '[^[:alnum:]]+') as k (word)
        where p_typed is not null and k.word <> ''
    ), known as (
        select distinct v.word, substr('  ' || v.word || ' ', n, 3) as triple
        from (select distinct w.word from words w) as v
        cross join lateral generate_series(1, length(v.word) + 1) as n
    ), known_words as (
        select k.word, count(*) as size from known k group by k.word
    ), common as (
        select t.word as typed, k.word as known, count(*) as size
        from typed t join known k on k.triple = t.triple group by t.word, k.word
    ), nearest as (
        select w.org_id, w.id, c.typed, max(c.size::real / (t.size + k.size - c.size)) as likeness
        from common c
        join typed_words t on t.word = c.typed
        join known_words k on k.word = c.known
        join words w on w.word = c.known
        group by w.org_id, w.id, c.typed
    )
    select n.org_id, n.id, (sum(n.likeness) / (select count(*) from typed_words))::real
    from nearest n group by n.org_id, n.id
$$;
revoke execute on function hub.near_listings(text) from public;
grant execute on function hub.near_listings(text) to hub_app, hub_tenant;
comment on function hub.near_listings(text) is 'How near listings come to what was typed, mistakes included, from 0 to 1.';


-- What a listing is sorted by when sorted by rating: the average as it would be with five more reviews of three stars.
-- One enthusiastic review does not outrank two hundred good ones, and nobody's first bad one buries them. The plain
-- average and the count stand beside it wherever it is shown.
create function hub.rating_score(p_count bigint, p_sum bigint) returns numeric
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select round((p_sum + 15)::numeric / (p_count + 5), 3)
$$;
revoke execute on function hub.rating_score(bigint, bigint) from public;
grant execute on function hub.rating_score(bigint, bigint) to hub_app, hub_tenant, hub_readonly;
comment on function hub.rating_score(bigint, bigint) is 'The average of ratings, weighed down by how few they are.';


-- The listings that one may see and install, and how relevant each is to what was typed. `p_prefix` is the same as a
-- text search query; without `p_tolerant` it has to match, with it, words that are nearly those are enough. Runs as
-- whoever calls, under row-level security.
create function hub.search_listings(p_typed text, p_prefix text, p_tolerant boolean)
returns table (
    org_id uuid, id uuid, name text, category text, auth_types text[], tier text, rating numeric, score numeric,
    installs bigint, published_at timestamptz, installed boolean, relevance numeric
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select m.org_id, m.id, m.name, m.category, m.auth_types, m.tier,
        round(m.rating_sum::numeric / nullif(m.review_count, 0), 3), hub.rating_score(m.review_count, m.rating_sum),
        m.install_count, coalesce(m.published_at, m.created_at),
        exists (
            select from hub.integration_instances own
            where own.org_id = (select hub.current_org()) and own.integration_org_id = m.org_id and own.listing_id = m.id
        ),
        case
            when p_typed is null then 0
            when p_tolerant then round(n.closeness::numeric, 6)
            else round((
                4 * (lower(m.name) = lower(p_typed))::integer + 2 * starts_with(lower(m.name), lower(p_typed))::integer
                + ts_rank(m.search, to_tsquery('simple', p_prefix))
            )::numeric, 6)
        end
    from hub.integration_marketplace m
    join hub.integrations i on i.org_id = m.org_id and i.id = m.integration_id
    left join hub.near_listings(case when p_tolerant then p_typed end) n on n.org_id = m.org_id and n.id = m.id
    where not m.unlisted and i.state = 'published'
        and case
            when p_typed is null then true
            when p_tolerant then n.closeness >= 0.3
            else m.search @@ to_tsquery('simple', p_prefix)
        end
$$;
revoke execute on function hub.search_listings(text, text, boolean) from public;
grant execute on function hub.search_listings(text, text, boolean) to hub_app, hub_tenant;
comment on function hub.search_listings(text, text, boolean) is 'Listings that one may install, with their relevance to what was typed.';


-- ======== schema/30_connections/310_api_connections.sql

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


-- ======== schema/30_connections/315_connection_credentials.sql

-- What a connection is worked with, sealed: one row a token slot (Slack has a bot's and a user's, which are renewed apart),
-- and one named `$entered` for what somebody typed in.
--
-- Renewing is single-flight across processes and survives any of them being killed, without a lock that outlives a
-- statement, so that a pooler in transaction mode may stand in between:
--   1. lease: who raises `fence` while nobody holds the lease may go on, for the lease's length
--   2. intent: what is about to be spent is written down (`intent_fence`), committed, before the provider is called
--   3. store: the answer is written where `version` is still the one that was spent and `intent_fence` one's own
-- An intent that is still there when the next one takes the lease says that nobody knows what the provider did.
create table hub.connection_credentials (
    org_id uuid not null,
    connection_id uuid not null,
    slot text not null check (slot ~ '^[$a-z][a-z0-9_]{0,62}$'),
    sealed bytea not null,
    version integer not null default 1,
    renewal text check (renewal in ('refresh', 'obtain', 'steps')),
    obtained_at timestamptz not null default now(),
    expires_at timestamptz,
    idle_seconds integer check (idle_seconds > 0),
    grant_expires_at timestamptz,
    due_at timestamptz,
    dead_at timestamptz,
    failures integer not null default 0,
    retry_at timestamptz,
    last_error text check (length(last_error) <= 200),
    fence integer not null default 0,
    lease_until timestamptz,
    intent_fence integer,
    sealed_intent bytea,
    sealed_previous bytea,
    previous_until timestamptz,
    primary key (org_id, connection_id, slot),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    check ((intent_fence is null) = (sealed_intent is null))
);

create index connection_credentials_due_idx on hub.connection_credentials (due_at) where due_at is not null;
create index connection_credentials_previous_idx on hub.connection_credentials (previous_until) where previous_until is not null;

alter table hub.connection_credentials enable row level security;
alter table hub.connection_credentials force row level security;

create policy tenant on hub.connection_credentials to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_credentials to hub_definer using (true) with check (true);

grant select, insert, update, delete on hub.connection_credentials to hub_app, hub_worker;
grant select, update (due_at, sealed_previous, previous_until) on hub.connection_credentials to hub_definer;
comment on table hub.connection_credentials is 'Tokens, keys and passwords of connections, sealed, one row a slot.';
comment on column hub.connection_credentials.version is 'Rises with each credential: what is stored replaces the one that was spent, or nothing.';
comment on column hub.connection_credentials.renewal is 'How a new one is had: by a refresh token, by asking anew, by the manifest''s steps; null: by a person.';
comment on column hub.connection_credentials.fence is 'Rises with each lease.';
comment on column hub.connection_credentials.intent_fence is 'The fence of whoever last set out to call the provider: only that one''s answer may be stored.';
comment on column hub.connection_credentials.sealed_intent is 'What is being spent, by whom, since when.';
comment on column hub.connection_credentials.sealed_previous is 'The credential before this one, for some minutes.';
comment on column hub.connection_credentials.grant_expires_at is 'When the grant itself ends whatever it is used for: a person must authorize anew.';
comment on column hub.connection_credentials.idle_seconds is 'A refresh token that is not used for this long is dead.';


-- Credentials that are due to be renewed, 64 at most, each put off by `p_pause` so that no other worker takes it up at
-- once. Renewing itself takes the lease like everybody else.
create function hub.claim_credential_renewals(p_pause interval)
returns table (org_id uuid, connection_id uuid, slot text, version integer)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select c.org_id, c.connection_id, c.slot from hub.connection_credentials c
        where c.due_at <= now()
        order by c.due_at limit 64
        for update skip locked
    )
    update hub.connection_credentials c set due_at = now() + p_pause
    from picked p
    where c.org_id = p.org_id and c.connection_id = p.connection_id and c.slot = p.slot
    returning c.org_id, c.connection_id, c.slot, c.version
$$;
alter function hub.claim_credential_renewals(interval) owner to hub_definer;
revoke execute on function hub.claim_credential_renewals(interval) from public;
grant execute on function hub.claim_credential_renewals(interval) to hub_worker;
comment on function hub.claim_credential_renewals(interval) is 'Credentials that are due to be renewed, each given to one worker.';


-- Forget credentials that were replaced some minutes ago: 5,000 at most a call.
create function hub.forget_previous_credentials() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    with old as (
        select org_id, connection_id, slot from hub.connection_credentials where previous_until < now() limit 5000
        for update skip locked
    )
    update hub.connection_credentials c set sealed_previous = null, previous_until = null
    from old where (c.org_id, c.connection_id, c.slot) = (old.org_id, old.connection_id, old.slot);
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_previous_credentials() owner to hub_definer;
revoke execute on function hub.forget_previous_credentials() from public;
grant execute on function hub.forget_previous_credentials() to hub_worker;
comment on function hub.forget_previous_credentials() is 'Drop credentials that were replaced some minutes ago.';


-- ======== schema/30_connections/317_oauth_clients.sql

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


-- ======== schema/30_connections/318_connect_sessions.sql

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


-- ======== schema/30_connections/320_oauth_flows.sql

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


-- ======== schema/30_connections/325_device_flows.sql

-- Somebody types a code in on another device (RFC 8628) while a worker asks the provider, at the pace that it wants,
-- whether that has been done. One of a connection at a time.
create table hub.device_flows (
    org_id uuid not null,
    connection_id uuid not null,
    sealed_code bytea not null,
    requested_scopes text[] not null default '{}' check (cardinality(requested_scopes) <= 200),
    interval_seconds integer not null check (interval_seconds between 1 and 600),
    due_at timestamptz not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, connection_id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

create index device_flows_due_idx on hub.device_flows (due_at);

alter table hub.device_flows enable row level security;
alter table hub.device_flows force row level security;

create policy tenant on hub.device_flows to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.device_flows to hub_definer using (true) with check (true);

grant select (org_id, connection_id, expires_at), insert, delete on hub.device_flows to hub_app;
grant select, update (interval_seconds, due_at), delete on hub.device_flows to hub_worker;
grant select, update (due_at) on hub.device_flows to hub_definer;
comment on table hub.device_flows is 'Device authorizations under way: the sealed device code, and when to ask next.';


-- Flows that are due to be asked about, 64 at most, each put off by its own pace so that no other worker asks as well.
create function hub.claim_device_flows()
returns table (
    org_id uuid, connection_id uuid, sealed_code bytea, requested_scopes text[], interval_seconds integer, expires_at timestamptz
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select d.org_id, d.connection_id from hub.device_flows d where d.due_at <= now()
        order by d.due_at limit 64
        for update skip locked
    )
    update hub.device_flows d set due_at = now() + greatest(d.interval_seconds, 30) * interval '1 second'
    from picked p
    where d.org_id = p.org_id and d.connection_id = p.connection_id
    returning d.org_id, d.connection_id, d.sealed_code, d.requested_scopes, d.interval_seconds, d.expires_at
$$;
alter function hub.claim_device_flows() owner to hub_definer;
revoke execute on function hub.claim_device_flows() from public;
grant execute on function hub.claim_device_flows() to hub_worker;
comment on function hub.claim_device_flows() is 'Device flows that are due to be asked about, each given to one worker.';


-- ======== schema/30_connections/330_connection_checks.sql

-- Checks of connections: queued by a person, by SQL, by the schedule or after an authorization, done by a worker, kept as
-- history. While a check is leased `due_at` is the end of its lease.
create table hub.connection_checks (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    cause text not null check (cause in ('request', 'sql', 'schedule', 'authorization')),
    state text not null default 'queued' check (state in ('queued', 'done')),
    outcome text check (outcome in ('healthy', 'unhealthy')),
    code text check (length(code) <= 60),
    reason text check (length(reason) <= 500),
    status integer,
    duration_ms integer check (duration_ms >= 0),
    requested_by text check (length(requested_by) <= 200),
    attempts integer not null default 0,
    fence integer not null default 0,
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    check ((state = 'done') = (outcome is not null and finished_at is not null))
);

create index connection_checks_due_idx on hub.connection_checks (due_at) where state = 'queued';
create index connection_checks_connection_idx on hub.connection_checks (org_id, connection_id, id);

alter table hub.connection_checks enable row level security;
alter table hub.connection_checks force row level security;

create policy tenant on hub.connection_checks to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_checks to hub_definer using (true) with check (true);

grant select, insert, update (state, outcome, code, reason, status, duration_ms, finished_at) on hub.connection_checks to hub_app;
grant select, insert, update on hub.connection_checks to hub_worker;
grant select on hub.connection_checks to hub_tenant, hub_readonly;
grant select, insert, update, delete on hub.connection_checks to hub_definer;
comment on table hub.connection_checks is 'Checks of connections: waiting, under way, and done with their outcome.';
comment on column hub.connection_checks.code is 'A stable word for what was wrong.';

-- Every change of a connection's health, with its reason.
create table hub.connection_health (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    health text not null check (health in ('healthy', 'unhealthy')),
    code text check (length(code) <= 60),
    reason text check (length(reason) <= 500),
    at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade
);

create index connection_health_connection_idx on hub.connection_health (org_id, connection_id, id);

alter table hub.connection_health enable row level security;
alter table hub.connection_health force row level security;

create policy tenant on hub.connection_health to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_health to hub_definer using (true);

grant select, insert on hub.connection_health to hub_app, hub_worker;
grant select on hub.connection_health to hub_tenant, hub_readonly;
grant select, delete on hub.connection_health to hub_definer;
comment on table hub.connection_health is 'How the health of connections changed, and why.';


-- Have a connection tested: enqueues the check in the caller's own transaction and answers its id; a worker does it.
-- Who may: an organization for itself, and the hub's own processes for the organization they act for.
create function hub.test_api_connection(p_connection_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_org uuid := hub.current_org();
    v_id uuid := hub.uuidv7();
begin
    if v_org is null or not exists (
        select from hub.api_connections c where c.org_id = v_org and c.id = p_connection_id
    ) then
        raise exception 'there is no such connection' using
            errcode = 'no_data_found', hint = 'Pass the id (a UUID) of one of your organization''s connections.';
    end if;
    insert into hub.connection_checks (org_id, id, connection_id, cause, requested_by)
    values (v_org, v_id, p_connection_id, 'sql', session_user);
    return v_id;
end
$$;
alter function hub.test_api_connection(uuid) owner to hub_definer;
revoke execute on function hub.test_api_connection(uuid) from public;
grant execute on function hub.test_api_connection(uuid) to hub_tenant, hub_app, hub_worker;
comment on function hub.test_api_connection(uuid) is 'Have a connection tested; answers the id of the check in connection_checks.';


-- Enqueue a check for every connection whose time has come, 200 at most, and set the time of the next, spread by a
-- tenth so that what was connected together is not checked together.
create function hub.schedule_connection_checks(p_every interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    with due as (
        select c.org_id, c.id from hub.api_connections c where c.check_due_at <= now()
        order by c.check_due_at limit 200
        for update skip locked
    ),
    moved as (
        update hub.api_connections c set check_due_at = now() + p_every * (0.9 + random() / 5)
        from due d where c.org_id = d.org_id and c.id = d.id
        returning c.org_id, c.id, c.enabled and c.status in ('connected', 'failing') as wanted
    )
    insert into hub.connection_checks (org_id, connection_id, cause) select m.org_id, m.id, 'schedule' from moved m where m.wanted;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.schedule_connection_checks(interval) owner to hub_definer;
revoke execute on function hub.schedule_connection_checks(interval) from public;
grant execute on function hub.schedule_connection_checks(interval) to hub_worker;
comment on function hub.schedule_connection_checks(interval) is 'Enqueue the checks whose time has come; answers how many.';


-- Take due checks in hand for the length of the lease, 32 at most. One whose worker died comes back when its lease is over.
create function hub.claim_connection_checks(p_lease interval)
returns table (org_id uuid, id uuid, connection_id uuid, cause text, attempts integer, fence integer)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select k.org_id, k.id from hub.connection_checks k where k.state = 'queued' and k.due_at <= now()
        order by k.due_at limit 32
        for update skip locked
    )
    update hub.connection_checks k set due_at = now() + p_lease, fence = k.fence + 1, attempts = k.attempts + 1
    from picked p
    where k.org_id = p.org_id and k.id = p.id
    returning k.org_id, k.id, k.connection_id, k.cause, k.attempts, k.fence
$$;
alter function hub.claim_connection_checks(interval) owner to hub_definer;
revoke execute on function hub.claim_connection_checks(interval) from public;
grant execute on function hub.claim_connection_checks(interval) to hub_worker;
comment on function hub.claim_connection_checks(interval) is 'Lease due checks to a worker.';


-- Forget checks that were done and changes of health that happened more than `p_days` ago: 5,000 of each at most.
create function hub.forget_connection_history(p_days integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor uuid := hub.uuidv7_floor(now() - greatest(p_days, 1) * interval '1 day');
    v_checks bigint;
    v_health bigint;
begin
    with old as (select org_id, id from hub.connection_checks where id < v_floor and state = 'done' limit 5000)
    delete from hub.connection_checks k using old where (k.org_id, k.id) = (old.org_id, old.id);
    get diagnostics v_checks = row_count;
    with old as (select org_id, id from hub.connection_health where id < v_floor limit 5000)
    delete from hub.connection_health h using old where (h.org_id, h.id) = (old.org_id, old.id);
    get diagnostics v_health = row_count;
    return v_checks + v_health;
end
$$;
alter function hub.forget_connection_history(integer) owner to hub_definer;
revoke execute on function hub.forget_connection_history(integer) from public;
grant execute on function hub.forget_connection_history(integer) to hub_worker;
comment on function hub.forget_connection_history(integer) is 'Delete old checks and changes of health, a batch at a time.';


-- ======== schema/30_connections/340_rate_budgets.sql

-- What may still be called at a provider, shared by all processes: a token bucket for each budget that a manifest declares
-- and each account, client or connection that spends it. Several organizations can have connected one account, and one
-- client serves them all; so the rows belong to the integration's owner, and are reached by these functions alone.
create table hub.rate_budgets (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    key bytea not null check (octet_length(key) = 32),
    tokens double precision not null,
    tokens_at timestamptz not null,
    blocked_until timestamptz,
    primary key (org_id, key)
);

create index rate_budgets_idle_idx on hub.rate_budgets (tokens_at);

alter table hub.rate_budgets enable row level security;
alter table hub.rate_budgets force row level security;

create policy tenant on hub.rate_budgets to hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.rate_budgets to hub_definer using (true) with check (true);

grant select on hub.rate_budgets to hub_readonly;
grant select, insert, update, delete on hub.rate_budgets to hub_definer;
comment on table hub.rate_budgets is 'Token buckets of calls to providers, by the digest of whose budget it is.';


-- Take one token of each of these budgets, or of none: the arrays run in parallel, in the order of the keys. Answers 0,
-- or how many milliseconds to wait before asking again. A loss of this in a power failure does no harm, so that nobody
-- waits for the disk.
create function hub.take_rate_budgets(p_org_id uuid, p_keys bytea[], p_limits double precision[], p_seconds double precision[])
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_budget record;
    v_has double precision[] := '{}';
    v_tokens double precision;
    v_wait double precision := 0;
begin
    perform set_config('synchronous_commit', 'off', true);
    for i in 1..cardinality(p_keys) loop
        insert into hub.rate_budgets (org_id, key, tokens, tokens_at) values (p_org_id, p_keys[i], p_limits[i], v_now)
        on conflict (org_id, key) do nothing;
        select b.tokens, b.tokens_at, b.blocked_until into v_budget
        from hub.rate_budgets b where b.org_id = p_org_id and b.key = p_keys[i] for update;
        v_tokens := least(
            p_limits[i],
            v_budget.tokens + greatest(extract(epoch from v_now - v_budget.tokens_at), 0) * p_limits[i] / p_seconds[i]
        );
        v_has := v_has || v_tokens;
        if v_tokens < 1 then
            v_wait := greatest(v_wait, (1 - v_tokens) * p_seconds[i] / p_limits[i]);
        end if;
        if v_budget.blocked_until > v_now then
            v_wait := greatest(v_wait, extract(epoch from v_budget.blocked_until - v_now));
        end if;
    end loop;
    if v_wait > 0 then
        return ceil(v_wait * 1000)::bigint;
    end if;
    for i in 1..cardinality(p_keys) loop
        update hub.rate_budgets b set tokens = v_has[i] - 1, tokens_at = v_now, blocked_until = null
        where b.org_id = p_org_id and b.key = p_keys[i];
    end loop;
    return 0;
end
$$;
alter function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) owner to hub_definer;
revoke execute on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) from public;
grant execute on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) to hub_app, hub_worker;
comment on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) is
    'Take a token of each budget, or say how many milliseconds to wait.';


-- What the provider itself says is left (null: nothing said), and for how many milliseconds nobody should call.
create function hub.correct_rate_budget(p_org_id uuid, p_key bytea, p_remaining double precision, p_blocked_ms bigint)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update hub.rate_budgets b set
        tokens = least(b.tokens, coalesce(p_remaining, b.tokens)),
        blocked_until = case
            when p_blocked_ms > 0 then greatest(b.blocked_until, clock_timestamp() + p_blocked_ms * interval '1 millisecond')
            else b.blocked_until
        end
    where b.org_id = p_org_id and b.key = p_key
$$;
alter function hub.correct_rate_budget(uuid, bytea, double precision, bigint) owner to hub_definer;
revoke execute on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) from public;
grant execute on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) to hub_app, hub_worker;
comment on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) is
    'Correct a budget by what the provider says of it.';


-- Forget budgets that nobody has spent of for two days: they are full again. 5,000 at most a call.
create function hub.forget_rate_budgets() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    with old as (
        select org_id, key from hub.rate_budgets
        where tokens_at < now() - interval '2 days' and coalesce(blocked_until < now(), true) limit 5000
        for update skip locked
    )
    delete from hub.rate_budgets b using old where (b.org_id, b.key) = (old.org_id, old.key);
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_rate_budgets() owner to hub_definer;
revoke execute on function hub.forget_rate_budgets() from public;
grant execute on function hub.forget_rate_budgets() to hub_worker;
comment on function hub.forget_rate_budgets() is 'Delete budgets that are full again, a batch at a time.';


-- ======== schema/30_connections/350_connection_requests.sql

-- Calls that were made through connections, without their contents: no query, no header, no body, nothing placed by a
-- credential. Partitioned by week on the time-ordered id, and without foreign keys, so that noting a call never waits.
create table hub.connection_requests (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    method text not null check (length(method) <= 20),
    host text not null check (length(host) <= 300),
    path text not null check (length(path) <= 1000),
    status integer,
    outcome text not null check (outcome in ('ok', 'error')),
    error_code text check (length(error_code) <= 60),
    attempts integer not null default 1,
    waited_ms integer not null default 0,
    duration_ms integer not null check (duration_ms >= 0),
    request_bytes bigint not null default 0,
    response_bytes bigint not null default 0,
    request_id text check (length(request_id) <= 100),
    caller text check (length(caller) <= 200),
    primary key (org_id, id)
) partition by range (id);
create table hub.connection_requests_rest partition of hub.connection_requests default;

create index connection_requests_connection_idx on hub.connection_requests (org_id, connection_id, id);

alter table hub.connection_requests enable row level security;
alter table hub.connection_requests force row level security;
alter table hub.connection_requests_rest enable row level security;
alter table hub.connection_requests_rest force row level security;

create policy tenant on hub.connection_requests to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_requests to hub_definer using (true) with check (true);

grant select on hub.connection_requests to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.connection_requests to hub_definer;
comment on table hub.connection_requests is 'Calls made through connections: what, how it ended, how long it took.';
comment on column hub.connection_requests.waited_ms is 'How long of it was waiting for the rate budget or before another try.';


-- Note calls, many at once: a row each in the log, a note of use each, and that the connections were used.
create function hub.record_connection_requests(p_requests jsonb) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into hub.connection_requests
    select r.* from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    join hub.api_connections c on c.org_id = r.org_id and c.id = r.connection_id;
    get diagnostics v_count = row_count;
    perform hub.log_integration_usage(
        r.org_id, 'api.calls', 1, i.integration_id, r.connection_id, r.outcome, r.duration_ms,
        jsonb_strip_nulls(jsonb_build_object(
            'method', r.method, 'status', r.status, 'attempts', r.attempts, 'bytes_out', r.request_bytes, 'bytes_in', r.response_bytes
        ))
    )
    from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    join hub.api_connections c on c.org_id = r.org_id and c.id = r.connection_id
    join hub.integration_instances i on i.org_id = c.org_id and i.id = c.instance_id;
    update hub.api_connections c set last_used_at = now()
    from (
        select distinct r.org_id, r.connection_id
        from jsonb_populate_recordset(null::hub.connection_requests, p_requests) as r
    ) as used
    where c.org_id = used.org_id and c.id = used.connection_id
        and (c.last_used_at is null or c.last_used_at < now() - interval '1 minute');
    return v_count;
end
$$;
alter function hub.record_connection_requests(jsonb) owner to hub_definer;
revoke execute on function hub.record_connection_requests(jsonb) from public;
grant execute on function hub.record_connection_requests(jsonb) to hub_app, hub_worker;
comment on function hub.record_connection_requests(jsonb) is 'Log calls that were made through connections, and note their use.';


-- ======== schema/30_connections/390_listing_use.sql

-- How many connections of a listing work at the moment, over all organizations: a count and nothing else.
create function hub.active_connections_of(p_listing_org_id uuid, p_listing_id uuid) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select count(*) from hub.integration_instances i
    join hub.api_connections c on c.org_id = i.org_id and c.instance_id = i.id
    where i.integration_org_id = p_listing_org_id and i.listing_id = p_listing_id and c.status = 'connected'
$$;
alter function hub.active_connections_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.active_connections_of(uuid, uuid) from public;
grant execute on function hub.active_connections_of(uuid, uuid) to hub_app;
comment on function hub.active_connections_of(uuid, uuid) is 'How many connections of a listing are connected, over all organizations.';


-- ======== schema/50_webhooks/505_webhook_retention.sql

-- How long an organization keeps what it published and what became of it. Without a row here it is the deployment's
-- default. Messages go first: what happened is remembered for longer than what was said.
create table hub.webhook_retention (
    org_id uuid primary key references hub.organizations (id) on delete cascade,
    payload_days smallint not null check (payload_days between 1 and 3650),
    attempt_days smallint not null check (attempt_days between 1 and 3650),
    updated_at timestamptz not null default now(),
    check (payload_days <= attempt_days)
);

alter table hub.webhook_retention enable row level security;
alter table hub.webhook_retention force row level security;

create policy tenant on hub.webhook_retention to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_retention to hub_definer using (true);

grant select, insert, delete, update (payload_days, attempt_days, updated_at) on hub.webhook_retention to hub_app;
grant select on hub.webhook_retention to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.webhook_retention is 'How long an organization keeps messages and what became of them.';
comment on column hub.webhook_retention.payload_days is 'Days after which messages and the bodies of answers are removed.';
comment on column hub.webhook_retention.attempt_days is 'Days after which events, deliveries and attempts are forgotten.';


-- ======== schema/50_webhooks/510_webhook_endpoints.sql

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


-- ======== schema/50_webhooks/515_event_types.sql

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


-- ======== schema/50_webhooks/515_webhook_public_keys.sql

-- What verifies v1a signatures, for whoever asks: the public keys of all endpoints, the newest first, or of one. A key
-- that was made in secret becomes public by its first use; it tells nothing of whose it is.
create function hub.webhook_public_keys(p_endpoint_id uuid) returns table (public_key text, expires_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select s.public_key, s.expires_at
    from hub.webhook_endpoint_secrets s
    where s.kind = 'v1a' and (s.expires_at is null or s.expires_at > now())
        and (p_endpoint_id is null or s.endpoint_id = p_endpoint_id)
    order by s.id desc limit 1000
$$;
alter function hub.webhook_public_keys(uuid) owner to hub_definer;
revoke execute on function hub.webhook_public_keys(uuid) from public;
grant execute on function hub.webhook_public_keys(uuid) to hub_app;
comment on function hub.webhook_public_keys(uuid) is 'The public keys that verify v1a signatures, of all endpoints or of one.';


-- ======== schema/50_webhooks/520_webhook_events.sql

-- A fact published for an organization: immutable, kept as the very bytes that are signed. Partitioned by week on its
-- own time-ordered id, so that a search by time prunes and old weeks are dropped, not deleted.
--
-- No foreign keys on this table and its two companions below: checking them would lock the organization's row for
-- every event. accept_events() checks the organization itself and is the only way in.
create table hub.webhook_events (
    org_id uuid not null,
    id uuid not null,
    key text check (key ~ '^[A-Za-z0-9_-]{1,64}$'),
    type text collate "C" not null check (length(type) <= 128 and type ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$'),
    body bytea check (octet_length(body) <= 1048576),
    occurred_at timestamptz not null,
    accepted_at timestamptz not null,
    fanout_id uuid not null,
    only_endpoint_id uuid,
    channels text[] check (cardinality(channels) between 1 and 5),
    ordering_key text check (length(ordering_key) between 1 and 128),
    origin_id uuid,
    unchecked boolean not null default false,
    expunged_at timestamptz,
    primary key (org_id, id),
    check ((body is null) = (expunged_at is not null))
) partition by range (id);
create table hub.webhook_events_rest partition of hub.webhook_events default;

-- Search by type: ids are time-ordered, so within a type this is by time. In the order of bytes, whatever the database's
-- own is: only so are the types of a prefix (`invoice.*`) neighbours.
create index webhook_events_type_idx on hub.webhook_events (org_id, type, id);
create index webhook_events_key_idx on hub.webhook_events (org_id, key) where key is not null;

-- Search by ordering key. Partial: an event without one, as most are, pays nothing for it.
create index webhook_events_ordering_idx on hub.webhook_events (org_id, ordering_key, id) where ordering_key is not null;

-- How one event type, on its channels, fans out over an organization's endpoints as they were at one revision: which get a delivery,
-- and why each other one does not. Worked out once and shared by every event that meets the same endpoints, so that a
-- verdict for every endpoint costs an event nothing.
create table hub.webhook_fanouts (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    event_type text collate "C" not null,
    channels text[] not null default '{}',
    revision bigint not null,
    endpoint_ids uuid[] not null,
    endpoint_modes text[] not null check (endpoint_modes <@ array['push', 'pull', 'key', 'endpoint']),
    skipped_ids uuid[] not null,
    skipped_reasons text[] not null check (skipped_reasons <@ array['event_type', 'channel', 'disabled']),
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, event_type, channels, revision),
    check (cardinality(endpoint_ids) = cardinality(endpoint_modes)),
    check (cardinality(skipped_ids) = cardinality(skipped_reasons))
);

alter table hub.webhook_events enable row level security;
alter table hub.webhook_events force row level security;
alter table hub.webhook_events_rest enable row level security;
alter table hub.webhook_events_rest force row level security;
alter table hub.webhook_fanouts enable row level security;
alter table hub.webhook_fanouts force row level security;

create policy tenant on hub.webhook_events to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_events to hub_definer using (true) with check (true);
create policy tenant on hub.webhook_fanouts to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_fanouts to hub_definer using (true) with check (true);

grant select on hub.webhook_events to hub_app, hub_worker, hub_tenant, hub_readonly;
grant update (body, expunged_at) on hub.webhook_events to hub_app;
grant select, insert, delete, update (body, expunged_at) on hub.webhook_events to hub_definer;
grant select on hub.webhook_fanouts to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.webhook_fanouts to hub_definer;
comment on table hub.webhook_events is 'Facts published for an organization, immutable.';
comment on column hub.webhook_events.key is 'The id the publisher gave it; unique per organization while it is remembered.';
comment on column hub.webhook_events.body is 'The message as it is signed and sent: {"type", "timestamp", "data"}.';
comment on column hub.webhook_events.only_endpoint_id is 'Set on a test send: the one endpoint it is meant for.';
comment on column hub.webhook_events.channels is 'Reaches endpoints of one of these channels and those without any.';
comment on column hub.webhook_events.ordering_key is 'Endpoints that keep order get events of one key one after the other.';
comment on column hub.webhook_events.origin_id is 'The event that this one is an edited copy of.';
comment on column hub.webhook_events.unchecked is 'Published from SQL, where no contract can be checked: the worker does it.';
comment on column hub.webhook_events.expunged_at is 'When the message was removed for good; the rest of the record stays.';
comment on table hub.webhook_fanouts is 'The verdict for every endpoint, per event type, channels and revision of the endpoints.';


-- ======== schema/50_webhooks/525_webhook_event_attributes.sql

-- Values by which events can be searched: those out of the message that the event's type declares as indexed attributes
-- (their names begin with `data.`), and the event's channels (`channel`). Written with the event. A table of its own, and
-- text alone: row-level security lets no index on jsonb or on an array work.
create table hub.webhook_event_attributes (
    org_id uuid not null,
    event_id uuid not null,
    name text not null check (length(name) <= 600),
    value text not null check (length(value) <= 256),
    primary key (org_id, name, value, event_id)
) partition by range (event_id);
create table hub.webhook_event_attributes_rest partition of hub.webhook_event_attributes default;

alter table hub.webhook_event_attributes enable row level security;
alter table hub.webhook_event_attributes force row level security;
alter table hub.webhook_event_attributes_rest enable row level security;
alter table hub.webhook_event_attributes_rest force row level security;

create policy tenant on hub.webhook_event_attributes to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_event_attributes to hub_definer using (true) with check (true);

grant select, delete on hub.webhook_event_attributes to hub_app;
grant select on hub.webhook_event_attributes to hub_worker, hub_tenant, hub_readonly;
grant select, insert, delete on hub.webhook_event_attributes to hub_definer;
comment on table hub.webhook_event_attributes is 'Values, and channels, by which events can be searched.';
comment on column hub.webhook_event_attributes.value is 'Text, a number or a boolean as text; the first 256 characters.';


-- The values at some paths of a message. What is not there, or is no text, number or boolean, is left out; and a message
-- that PostgreSQL's jsonb cannot hold (a NUL in a text, a number beyond all bounds) has none: it is published all the same.
create function hub.attributes_of(p_body bytea, p_paths text[]) returns table (name text, value text)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_message jsonb;
begin
    begin
        v_message := convert_from(p_body, 'UTF8')::jsonb;
    exception when others then
        return;
    end;
    return query
    select p.path, left(v_message #>> string_to_array(p.path, '.'), 256)
    from unnest(p_paths) as p (path)
    where jsonb_typeof(v_message #> string_to_array(p.path, '.')) in ('string', 'number', 'boolean');
end
$$;
revoke execute on function hub.attributes_of(bytea, text[]) from public;
grant execute on function hub.attributes_of(bytea, text[]) to hub_definer;
comment on function hub.attributes_of(bytea, text[]) is 'The values at some paths of a message, as text.';


-- ======== schema/50_webhooks/530_webhook_deliveries.sql

-- One event for one endpoint, with a state.
--
--   pending    due at `due_at`; `leased` while a worker has it in hand and `due_at` is then the end of the lease
--   queued     the endpoint keeps order and another of its lane is before this one
--   available  the endpoint is a pull endpoint: its receiver fetches and acknowledges it
--   held       its endpoint is disabled; enabling it makes it pending again
--   blocked    exhausted at the head of its lane, which waits for somebody to retry or skip it
--   parked     exhausted and put aside for somebody to look at; its lane goes on
--   delivered  the endpoint answered 2xx, or acknowledged it
--   exhausted  its retries or its time ran out
--   cancelled  its endpoint was deleted, its message expunged, or its contract broken
--   filtered   the endpoint's filter does not want it
--
-- Open ones (the first six) live in a partition of their own: the queue stays small and hot however much history
-- there is, and PostgreSQL moves a row to its week's archive when its state ends it. `due_at` is the visibility
-- timeout, so a worker that dies gives its deliveries back by doing nothing. `fence` counts the claims: whoever
-- records an attempt must hold the last one.
--
-- A lane is a queue of deliveries that go one after the other, in the order of `sequence`. Its head is whichever of it
-- is pending, held or blocked; when that ends, the next queued one is made pending.
--
-- A manual retry takes a delivery out of its automatic chain and puts it back, should it fail, exactly as it was:
-- `resume_state` and `resume_at` remember how. `step` counts the attempts of the chain, `attempts` all of them.
create table hub.webhook_deliveries (
    org_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    open boolean not null default true,
    state text not null default 'pending' check (state in (
        'pending', 'queued', 'available', 'held', 'blocked', 'parked', 'delivered', 'exhausted', 'cancelled', 'filtered'
    )),
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    attempts smallint not null default 0 check (attempts >= 0),
    step smallint not null default 0 check (step >= 0),
    ended_at timestamptz,
    reason text check (reason in ('attempts', 'deadline', 'aborted', 'expunged', 'contract', 'endpoint_deleted', 'by_request')),
    restarted_at timestamptz,
    resume_state text,
    resume_at timestamptz,
    lane text,
    sequence bigint,
    primary key (org_id, event_id, endpoint_id, open),
    check (open = (state in ('pending', 'queued', 'available', 'held', 'blocked', 'parked'))),
    check (open = (ended_at is null)),
    check ((lane is null) = (sequence is null)),
    check (state <> 'queued' or lane is not null)
) partition by list (open);
create sequence hub.webhook_lane_sequence as bigint cache 1;
comment on sequence hub.webhook_lane_sequence is 'Numbers the deliveries of all lanes in the order they were accepted.';

create table hub.webhook_deliveries_open partition of hub.webhook_deliveries for values in (true)
    with (
        fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000
    );
create table hub.webhook_deliveries_ended partition of hub.webhook_deliveries for values in (false)
    partition by range (event_id);
create table hub.webhook_deliveries_ended_rest partition of hub.webhook_deliveries_ended default;

-- Partial, so that only a statement that asks for due work can use it: the planner, which has no statistics of a queue
-- that is empty one minute and full the next, would otherwise look for one delivery among all those of its endpoint.
create index webhook_deliveries_due_idx on hub.webhook_deliveries_open (org_id, endpoint_id, due_at)
    where state = 'pending';
create index webhook_deliveries_lane_idx on hub.webhook_deliveries_open (org_id, endpoint_id, lane, sequence)
    where lane is not null;
create index webhook_deliveries_available_idx on hub.webhook_deliveries_open (org_id, endpoint_id, event_id)
    where state = 'available';
create index webhook_deliveries_endpoint_idx on hub.webhook_deliveries_ended (org_id, endpoint_id, event_id);

-- Search of what did not simply go through: by state, by state of one endpoint, and by reason, newest first. Partial, so
-- that a delivery pays for them only when it gets into such a state: on its way from pending to delivered it never does.
create index webhook_deliveries_state_idx on hub.webhook_deliveries (org_id, state, event_id, endpoint_id)
    where state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered');
create index webhook_deliveries_endpoint_state_idx on hub.webhook_deliveries (org_id, endpoint_id, state, event_id)
    where state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered');
create index webhook_deliveries_reason_idx on hub.webhook_deliveries (org_id, reason, event_id, endpoint_id)
    where reason is not null;

alter table hub.webhook_deliveries enable row level security;
alter table hub.webhook_deliveries force row level security;
alter table hub.webhook_deliveries_open enable row level security;
alter table hub.webhook_deliveries_open force row level security;
alter table hub.webhook_deliveries_ended enable row level security;
alter table hub.webhook_deliveries_ended force row level security;
alter table hub.webhook_deliveries_ended_rest enable row level security;
alter table hub.webhook_deliveries_ended_rest force row level security;

create policy tenant on hub.webhook_deliveries to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_deliveries to hub_definer using (true) with check (true);

grant select on hub.webhook_deliveries to hub_app, hub_worker, hub_tenant, hub_readonly;
grant insert, update (
    open, state, due_at, leased, fence, step, attempts, ended_at, reason, restarted_at, resume_state, resume_at, lane, sequence
) on hub.webhook_deliveries to hub_app, hub_worker;
grant select, insert, update, delete on hub.webhook_deliveries to hub_definer;
grant usage on sequence hub.webhook_lane_sequence to hub_definer;
comment on table hub.webhook_deliveries is 'One event for one endpoint, with a state.';
comment on column hub.webhook_deliveries.due_at is 'When a pending one may be taken next; the end of the lease while it is in hand.';
comment on column hub.webhook_deliveries.step is 'Attempts of the automatic chain; a manual retry is none of them.';
comment on column hub.webhook_deliveries.reason is 'Why it ended without being delivered.';
comment on column hub.webhook_deliveries.restarted_at is 'When a replay began its chain anew; its deadline counts from there.';
comment on column hub.webhook_deliveries.lane is 'The queue it goes through one at a time: its ordering key, or empty for the endpoint''s one.';
comment on column hub.webhook_deliveries.fence is 'Fencing token: rises with each claim; only the last claim''s holder may record.';


-- ======== schema/50_webhooks/540_webhook_event_logs.sql

-- One attempt: a POST of a delivery and what came back. Insert-only. Partitioned with the event it belongs to, so that
-- a week is dropped whole.
create table hub.webhook_event_logs (
    org_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    id uuid not null,
    attempt smallint not null check (attempt > 0),
    outcome text not null check (outcome in ('delivered', 'refused', 'failed')),
    error_cause text check (length(error_cause) <= 40),
    error_detail text check (length(error_detail) <= 500),
    reclaimed boolean not null default false,
    fenced boolean not null default false,
    manual boolean not null default false,
    batch_id text check (length(batch_id) <= 40),
    started_at timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    url text not null,
    request_headers json not null,
    status smallint,
    response_headers json,
    response_body bytea check (octet_length(response_body) <= 65536),
    response_truncated boolean not null default false,
    next_due_at timestamptz,
    primary key (org_id, event_id, endpoint_id, id)
) partition by range (event_id);
create table hub.webhook_event_logs_rest partition of hub.webhook_event_logs default;

create index webhook_event_logs_endpoint_idx on hub.webhook_event_logs (org_id, endpoint_id, id);

-- All attempts of an organization, newest first. The one index of these that every attempt pays for: the primary key is
-- by event, and a thousand endpoints cannot be merged by the index above. Ids rise with time, so a new entry goes to the
-- end of what is in memory.
create index webhook_event_logs_time_idx on hub.webhook_event_logs (org_id, id);

-- What went wrong: over all endpoints, at one, by status, and by cause. Most attempts deliver and pay for none of these.
create index webhook_event_logs_failed_idx on hub.webhook_event_logs (org_id, id) where outcome <> 'delivered';
create index webhook_event_logs_endpoint_failed_idx on hub.webhook_event_logs (org_id, endpoint_id, id)
    where outcome <> 'delivered';
create index webhook_event_logs_status_idx on hub.webhook_event_logs (org_id, status, id)
    where outcome <> 'delivered' and status is not null;
create index webhook_event_logs_cause_idx on hub.webhook_event_logs (org_id, error_cause, id)
    where error_cause is not null;

alter table hub.webhook_event_logs enable row level security;
alter table hub.webhook_event_logs force row level security;
alter table hub.webhook_event_logs_rest enable row level security;
alter table hub.webhook_event_logs_rest force row level security;

create policy tenant on hub.webhook_event_logs to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_event_logs to hub_definer using (true) with check (true);

grant select on hub.webhook_event_logs to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert, delete, update (response_body) on hub.webhook_event_logs to hub_definer;
grant update (response_body) on hub.webhook_event_logs to hub_app;
comment on table hub.webhook_event_logs is 'Attempts: each POST of a delivery and what came back.';
comment on column hub.webhook_event_logs.outcome is
    'delivered: 2xx; refused: another status; failed: no answer (see error_cause).';
comment on column hub.webhook_event_logs.reclaimed is
    'The worker that had this delivery before was lost: the receiver may have seen the message already.';
comment on column hub.webhook_event_logs.fenced is
    'The worker came back too late: the delivery was another''s by then and this attempt changed nothing.';


-- ======== schema/50_webhooks/545_webhook_replays.sql

-- A replay: past events sent (again) to one endpoint, as a job that outlives whoever asked for it. Each step of it is one
-- transaction that queues the next deliveries and moves the cursor, under the lock of this row: it can be cut off at any
-- moment and goes on where it stopped, with nothing queued twice.
--
--   what   all: every event the endpoint's types and channels let through; failed: those that were given up or called
--          off; missing: those it has no delivery of, from before it existed or while it was disabled
create table hub.webhook_replays (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    endpoint_id uuid not null,
    what text not null check (what in ('all', 'failed', 'missing')),
    event_types text[] not null check (cardinality(event_types) between 1 and 100),
    from_id uuid not null,
    to_id uuid not null,
    rate real check (rate between 0.01 and 10000),
    state text not null default 'running' check (state in ('running', 'paused', 'cancelled', 'completed')),
    cursor_id uuid not null,
    examined bigint not null default 0 check (examined >= 0),
    queued bigint not null default 0 check (queued >= 0),
    due_at timestamptz not null default now(),
    created_by text not null check (length(created_by) <= 200),
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete cascade,
    check ((finished_at is null) = (state in ('running', 'paused')))
);
-- The workers look for what is due over all organizations.
create index webhook_replays_due_idx on hub.webhook_replays (due_at) where state = 'running';

alter table hub.webhook_replays enable row level security;
alter table hub.webhook_replays force row level security;

create policy tenant on hub.webhook_replays to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_replays to hub_definer using (true) with check (true);

grant select, insert, update (state, due_at, finished_at) on hub.webhook_replays to hub_app;
grant select on hub.webhook_replays to hub_worker, hub_tenant, hub_readonly;
grant select, update on hub.webhook_replays to hub_definer;
comment on table hub.webhook_replays is 'Jobs that send past events to an endpoint (again).';
comment on column hub.webhook_replays.from_id is 'Ids of events are time-ordered: this one and later.';
comment on column hub.webhook_replays.to_id is 'Before this one.';
comment on column hub.webhook_replays.cursor_id is 'The last event that was looked at.';
comment on column hub.webhook_replays.rate is 'Deliveries queued per second at most; null: as the queue allows.';


-- ======== schema/50_webhooks/550_lanes.sql

-- Lanes: deliveries of an endpoint that keeps order, one after the other. All of these see every organization.
--
-- Nothing here waits for anybody: a publisher whose own transaction stays open (see trigger_webhook) must not hold up
-- the workers. So a lane whose last head ended just while another event joined it may be left without one; whoever
-- sweeps (promote_lanes_left) finds it within a second. Two publishers that join an empty lane at the very same time
-- both become its head: neither came first.

-- Put the events of a batch that has just been stored into the lanes of those of its endpoints that keep order.
create function hub.queue_in_lanes(p_org_ids uuid[], p_ids uuid[], p_duplicate_ids uuid[]) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_orgs uuid[];
    v_endpoints uuid[];
    v_lanes text[];
begin
    with joined as (
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, due_at, lane, sequence)
        select e.org_id, d.endpoint_id, e.id, 'queued', 'infinity', case d.mode when 'key' then e.ordering_key else '' end,
            nextval('hub.webhook_lane_sequence')
        from unnest(p_org_ids, p_ids) with ordinality as g (org_id, id, n)
        join hub.webhook_events e on e.org_id = g.org_id and e.id = g.id
        join hub.webhook_fanouts p on p.org_id = e.org_id and p.id = e.fanout_id
        cross join lateral unnest(p.endpoint_ids, p.endpoint_modes) as d (endpoint_id, mode)
        where e.only_endpoint_id is null and e.id <> all (p_duplicate_ids)
            and (d.mode = 'endpoint' or (d.mode = 'key' and e.ordering_key is not null))
        order by g.n
        returning org_id, endpoint_id, lane
    )
    select array_agg(j.org_id), array_agg(j.endpoint_id), array_agg(j.lane) into v_orgs, v_endpoints, v_lanes
    from (select distinct org_id, endpoint_id, lane from joined) as j;
    perform hub.promote_lanes(v_orgs, v_endpoints, v_lanes);
end
$$;
alter function hub.queue_in_lanes(uuid[], uuid[], uuid[]) owner to hub_definer;
revoke execute on function hub.queue_in_lanes(uuid[], uuid[], uuid[]) from public;
comment on function hub.queue_in_lanes(uuid[], uuid[], uuid[]) is 'Put stored events into the lanes of endpoints that keep order.';


-- Make the next of each lane that has no head its head; answers how many became one.
create function hub.promote_lanes(p_org_ids uuid[], p_endpoint_ids uuid[], p_lanes text[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    v_count integer;
begin
    update hub.webhook_deliveries d
    set state = 'pending', due_at = clock_timestamp()
    from (select distinct * from unnest(p_org_ids, p_endpoint_ids, p_lanes)) as l (org_id, endpoint_id, lane)
    cross join lateral (
        select q.event_id, q.state from hub.webhook_deliveries q
        where q.open and q.org_id = l.org_id and q.endpoint_id = l.endpoint_id and q.lane = l.lane
            and q.state <> 'parked'
        order by q.sequence limit 1
    ) as head
    where head.state = 'queued' and d.open and d.state = 'queued'
        and d.org_id = l.org_id and d.endpoint_id = l.endpoint_id and d.event_id = head.event_id;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.promote_lanes(uuid[], uuid[], text[]) owner to hub_definer;
revoke execute on function hub.promote_lanes(uuid[], uuid[], text[]) from public;
grant execute on function hub.promote_lanes(uuid[], uuid[], text[]) to hub_app, hub_worker;
comment on function hub.promote_lanes(uuid[], uuid[], text[]) is 'Give lanes without a head their next one.';


-- The sweep: promote in lanes that were left without a head, from the given lane on, a thousand lanes a call. Answers
-- the last lane looked at, or no row at the end, and how many it promoted.
create function hub.promote_lanes_left(inout p_org_id uuid, inout p_endpoint_id uuid, inout p_lane text, out promoted integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    v_orgs uuid[];
    v_endpoints uuid[];
    v_lanes text[];
begin
    with recursive lane (org_id, endpoint_id, lane, n) as (
        (
            select d.org_id, d.endpoint_id, d.lane, 1 from hub.webhook_deliveries d
            where d.open and d.lane is not null and (d.org_id, d.endpoint_id, d.lane) > (p_org_id, p_endpoint_id, p_lane)
            order by d.org_id, d.endpoint_id, d.lane limit 1
        )
        union all
        select n.org_id, n.endpoint_id, n.lane, l.n + 1
        from lane l
        cross join lateral (
            select d.org_id, d.endpoint_id, d.lane from hub.webhook_deliveries d
            where d.open and d.lane is not null and (d.org_id, d.endpoint_id, d.lane) > (l.org_id, l.endpoint_id, l.lane)
            order by d.org_id, d.endpoint_id, d.lane limit 1
        ) as n
        where l.n < 1000
    )
    select array_agg(l.org_id order by l.n), array_agg(l.endpoint_id order by l.n), array_agg(l.lane order by l.n)
    into v_orgs, v_endpoints, v_lanes from lane l;
    promoted := hub.promote_lanes(v_orgs, v_endpoints, v_lanes);
    p_org_id := v_orgs[1000];
    p_endpoint_id := v_endpoints[1000];
    p_lane := v_lanes[1000];
end
$$;
alter function hub.promote_lanes_left(uuid, uuid, text) owner to hub_definer;
revoke execute on function hub.promote_lanes_left(uuid, uuid, text) from public;
grant execute on function hub.promote_lanes_left(uuid, uuid, text) to hub_worker;
comment on function hub.promote_lanes_left(uuid, uuid, text) is 'Promote in lanes that were left without a head, a page at a time.';


-- ======== schema/50_webhooks/560_accept_events.sql

-- Accept a batch of events, of any number of organizations: events, fan-out to deliveries and idempotency records in
-- the caller's one transaction. Whoever calls has authenticated the organizations; this is the one way in.
--
-- The arrays of events run in parallel; those that few events need (channels, joined by commas, ordering keys, origins,
-- unchecked) may be left empty as a whole. So do those of the keys, of which an event may have none, one or two. Answers
-- a row for each event that was not stored: because it was accepted before under one of its keys (which one that was,
-- and whether it was the same request), or because there is no such organization, or it is suspended (`first_id` is
-- null). What it does not answer is stored.
create function hub.accept_events(
    p_org_ids uuid[], p_ids uuid[], p_keys text[], p_types text[], p_bodies bytea[], p_occurred_at timestamptz[],
    p_accepted_at timestamptz[], p_only_endpoint_ids uuid[], p_channels text[], p_ordering_keys text[],
    p_origin_ids uuid[], p_unchecked boolean[],
    k_org_ids uuid[], k_event_ids uuid[], k_scopes text[], k_keys text[], k_hashes bytea[], k_expires_at timestamptz[]
) returns table (id uuid, first_id uuid, same_request boolean, first_key text, first_accepted_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_duplicate_ids uuid[] := '{}';
    v_orgs uuid[];
    v_types text[];
    v_channels text[];
    v_fanouts uuid[];
    v_missing boolean;
    v_ordered boolean;
    v_indexed boolean;
begin
    if cardinality(k_org_ids) > 0 then
        -- In key order, so that two batches with the same keys wait for each other instead of deadlocking.
        insert into hub.idempotency_keys (org_id, scope, key, request_hash, event_id, status, expires_at)
        select k.org_id, k.scope, k.key, k.hash, k.event_id, 202, k.expires_at
        from unnest(k_org_ids, k_event_ids, k_scopes, k_keys, k_hashes, k_expires_at)
            as k (org_id, event_id, scope, key, hash, expires_at)
        order by k.org_id, k.scope, k.key, k.event_id
        on conflict (org_id, scope, key) do nothing;

        select coalesce(array_agg(distinct k.event_id), '{}') into v_duplicate_ids
        from unnest(k_org_ids, k_event_ids, k_scopes, k_keys) as k (org_id, event_id, scope, key)
        join hub.idempotency_keys i on (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key)
        where i.event_id <> k.event_id;
    end if;

    -- One fan-out for each organization, type and set of channels, at the revision this statement sees. An organization
    -- that does not exist or is suspended has none, and its events are not stored.
    for v_try in 1..10 loop
        select array_agg(x.org_id), array_agg(x.type), array_agg(x.channels), array_agg(f.id), bool_or(f.id is null),
            bool_or(f.endpoint_modes && array['key', 'endpoint']), bool_or(t.indexed_attributes <> '{}')
        into v_orgs, v_types, v_channels, v_fanouts, v_missing, v_ordered, v_indexed
        from (
            select distinct e.org_id, e.type, coalesce(e.channels, '')
            from unnest(p_org_ids, p_types, p_channels) as e (org_id, type, channels)
        ) as x (org_id, type, channels)
        join hub.organizations o on o.id = x.org_id and o.suspended_at is null
        left join hub.event_types t on t.org_id = x.org_id and t.name = x.type
        left join hub.webhook_endpoint_revisions r on r.org_id = x.org_id
        left join hub.webhook_fanouts f
            on f.org_id = x.org_id and f.event_type = x.type and f.channels = string_to_array(x.channels, ',')
                and f.revision = coalesce(r.revision, 0);
        exit when v_missing is not true;

        insert into hub.webhook_fanouts (
            org_id, event_type, channels, revision, endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons
        )
        select x.org_id, x.type, string_to_array(x.channels, ','), coalesce(r.revision, 0),
            v.endpoint_ids, v.endpoint_modes, v.skipped_ids, v.skipped_reasons
        from unnest(v_orgs, v_types, v_channels, v_fanouts) as x (org_id, type, channels, fanout_id)
        left join hub.webhook_endpoint_revisions r on r.org_id = x.org_id
        cross join lateral (
            select
                coalesce(array_agg(w.id order by w.id) filter (where w.reason is null), '{}'),
                coalesce(array_agg(w.mode order by w.id) filter (where w.reason is null), '{}'),
                coalesce(array_agg(w.id order by w.id) filter (where w.reason is not null), '{}'),
                coalesce(array_agg(w.reason order by w.id) filter (where w.reason is not null), '{}')
            from (
                select e.id, case when e.kind = 'pull' then 'pull' when e.ordering = 'none' then 'push' else e.ordering end,
                    case
                        when not hub.event_type_matches(x.type, e.event_types) then 'event_type'
                        when not e.channels && string_to_array(x.channels, ',') then 'channel'
                        when e.status = 'disabled' then 'disabled'
                    end
                from hub.webhook_endpoints e where e.org_id = x.org_id
            ) as w (id, mode, reason)
        ) as v (endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons)
        where x.fanout_id is null
        order by x.org_id, x.type, x.channels
        on conflict (org_id, event_type, channels, revision) do nothing;
    end loop;
    if v_missing then
        raise exception 'the endpoints of an organization keep changing' using errcode = 'serialization_failure';
    end if;

    insert into hub.webhook_events (
        org_id, id, key, type, body, occurred_at, accepted_at, fanout_id, only_endpoint_id, channels, ordering_key,
        origin_id, unchecked
    )
    select e.org_id, e.id, e.key, e.type, e.body, e.occurred_at, e.accepted_at, f.id, e.only_endpoint_id,
        string_to_array(nullif(e.channels, ''), ','), e.ordering_key, e.origin_id, coalesce(e.unchecked, false)
    from unnest(
        p_org_ids, p_ids, p_keys, p_types, p_bodies, p_occurred_at, p_accepted_at, p_only_endpoint_ids, p_channels,
        p_ordering_keys, p_origin_ids, p_unchecked
    ) as e (
        org_id, id, key, type, body, occurred_at, accepted_at, only_endpoint_id, channels, ordering_key, origin_id,
        unchecked
    )
    join unnest(v_orgs, v_types, v_channels, v_fanouts) as f (org_id, type, channels, id)
        on f.org_id = e.org_id and f.type = e.type and f.channels = coalesce(e.channels, '')
    where e.id <> all (v_duplicate_ids);

    insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, due_at)
    select e.org_id, d.endpoint_id, e.id, case d.mode when 'pull' then 'available' else 'pending' end, now()
    from unnest(p_org_ids, p_ids, p_types, p_only_endpoint_ids, p_channels, p_ordering_keys)
        as e (org_id, id, type, only_endpoint_id, channels, ordering_key)
    join unnest(v_orgs, v_types, v_channels, v_fanouts) as f (org_id, type, channels, id)
        on f.org_id = e.org_id and f.type = e.type and f.channels = coalesce(e.channels, '')
    join hub.webhook_fanouts p on p.org_id = f.org_id and p.id = f.id
    cross join lateral unnest(p.endpoint_ids, p.endpoint_modes) as d (endpoint_id, mode)
    where e.only_endpoint_id is null and e.id <> all (v_duplicate_ids)
        and (d.mode in ('push', 'pull') or (d.mode = 'key' and e.ordering_key is null));

    if v_indexed then
        insert into hub.webhook_event_attributes (org_id, event_id, name, value)
        select e.org_id, e.id, a.name, a.value
        from unnest(p_org_ids, p_ids, p_types, p_bodies) as e (org_id, id, type, body)
        join hub.event_types t on t.org_id = e.org_id and t.name = e.type and t.indexed_attributes <> '{}'
        cross join lateral hub.attributes_of(e.body, t.indexed_attributes) as a
        where e.org_id = any (v_orgs) and e.id <> all (v_duplicate_ids)
        on conflict do nothing;
    end if;

    -- Nothing can be searched in the array itself: see webhook_event_attributes.
    if cardinality(p_channels) > 0 then
        insert into hub.webhook_event_attributes (org_id, event_id, name, value)
        select e.org_id, e.id, 'channel', c.name
        from unnest(p_org_ids, p_ids, p_channels) as e (org_id, id, channels)
        cross join lateral string_to_table(e.channels, ',') as c (name)
        where e.org_id = any (v_orgs) and e.id <> all (v_duplicate_ids) and c.name <> ''
        on conflict do nothing;
    end if;

    if v_ordered then
        perform hub.queue_in_lanes(p_org_ids, p_ids, v_duplicate_ids);
    end if;

    -- Tests and edited copies are for one endpoint, whatever its patterns say, and no part of any order.
    if exists (select from unnest(p_only_endpoint_ids) as o (id) where o.id is not null) then
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state)
        select e.org_id, e.only_endpoint_id, e.id, case w.kind when 'pull' then 'available' else 'pending' end
        from unnest(p_org_ids, p_ids, p_only_endpoint_ids) as e (org_id, id, only_endpoint_id)
        join hub.organizations o on o.id = e.org_id and o.suspended_at is null
        left join hub.webhook_endpoints w on w.org_id = e.org_id and w.id = e.only_endpoint_id
        where e.only_endpoint_id is not null and e.id <> all (v_duplicate_ids);
    end if;

    if cardinality(k_org_ids) > 0 then
        -- An event with two keys, of which only one was known: the other must not point at what was never stored.
        if cardinality(v_duplicate_ids) > 0 then
            delete from hub.idempotency_keys i using unnest(k_org_ids, k_scopes, k_keys) as k (org_id, scope, key)
            where (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key) and i.event_id = any (v_duplicate_ids);
        end if;
        return query
            select distinct on (k.event_id) k.event_id, i.event_id, i.request_hash = k.hash, e.key, e.accepted_at
            from unnest(k_org_ids, k_event_ids, k_scopes, k_keys, k_hashes) as k (org_id, event_id, scope, key, hash)
            join hub.idempotency_keys i on (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key)
            left join hub.webhook_events e on e.org_id = i.org_id and e.id = i.event_id
            where i.event_id <> k.event_id
            order by k.event_id, i.request_hash = k.hash;

        -- What is refused must not be remembered as accepted: it is to be stored when it comes again.
        delete from hub.idempotency_keys i
        using unnest(k_org_ids, k_event_ids, k_scopes, k_keys) as k (org_id, event_id, scope, key)
        where (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key) and i.event_id = k.event_id
            and k.org_id <> all (coalesce(v_orgs, '{}'));
    end if;

    return query
        select e.id, null::uuid, false, null::text, null::timestamptz
        from unnest(p_org_ids, p_ids) as e (org_id, id)
        where e.org_id <> all (coalesce(v_orgs, '{}')) and e.id <> all (v_duplicate_ids);
end
$$;
alter function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) owner to hub_definer;
revoke execute on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) from public;
grant execute on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) to hub_app, hub_worker;
comment on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) is 'Accept a batch of events with their fan-out and idempotency records; answers those accepted before.';


-- ======== schema/50_webhooks/570_trigger_webhook.sql

-- Publish an event from SQL: stored if and only if the caller's own transaction commits, and delivered after that.
-- Answers the event's id. With `p_id` (the publisher's own id of the event) publishing twice does it once, as long as
-- it is the same event; another event under the same id is refused.
--
-- Who may: an organization for itself (its own login, or a Supabase user with its claims), and members of
-- hub_publisher for any organization.
create function hub.trigger_webhook(
    p_org_id uuid, p_event_type text, p_data jsonb, p_id text default null, p_occurred_at timestamptz default now(),
    p_channels text[] default null, p_ordering_key text default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := hub.uuidv7();
    v_body bytea;
    v_first record;
    v_has_key boolean := p_id is not null;
begin
    if p_org_id is distinct from hub.current_org()
        and not pg_has_role(hub.calling_role(), 'hub_publisher', 'usage')
    then
        raise exception 'you may publish for your own organization only' using
            errcode = 'insufficient_privilege',
            hint = 'Connect as the organization''s own login, or grant hub_publisher to your role.';
    end if;
    if p_event_type is null or length(p_event_type) > 128 or p_event_type !~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$' then
        raise exception 'the event type must be words of letters, digits and _, joined by dots, 128 characters at most'
            using errcode = 'invalid_parameter_value', hint = 'For example: invoice.paid';
    end if;
    if starts_with(p_event_type, 'hub.') then
        raise exception 'event types that begin with hub. are the hub''s own' using
            errcode = 'invalid_parameter_value', hint = 'Give the type another first word.';
    end if;
    if cardinality(p_channels) > 5
        or exists (select from unnest(p_channels) as c (name) where c.name is null or c.name !~ '^[A-Za-z0-9_.:-]{1,64}$')
    then
        raise exception 'channels are at most 5 names of 1 to 64 letters, digits and _ . : -'
            using errcode = 'invalid_parameter_value';
    end if;
    if length(p_ordering_key) not between 1 and 128 then
        raise exception 'the ordering key must have 1 to 128 characters' using errcode = 'invalid_parameter_value';
    end if;
    if p_data is null then
        raise exception 'the data of an event must not be null' using
            errcode = 'null_value_not_allowed', hint = 'Pass ''{}'' for an event without data.';
    end if;
    if p_id !~ '^[A-Za-z0-9_-]{1,64}$' or p_id ~ '^evt_[0-9a-f]{32}$' then
        raise exception 'the event id must be 1 to 64 letters, digits, _ or -, and not of the form the hub gives out'
            using errcode = 'invalid_parameter_value';
    end if;
    if p_occurred_at is null or p_occurred_at > now() + interval '5 minutes' then
        raise exception 'the event lies in the future' using
            errcode = 'invalid_parameter_value', hint = 'occurred_at may be at most 5 minutes ahead of the database''s clock.';
    end if;
    if not exists (select from hub.organizations o where o.id = p_org_id and o.suspended_at is null) then
        raise exception 'there is no such organization, or it is suspended' using errcode = 'no_data_found';
    end if;
    v_body := convert_to(
        '{"type":' || to_json(p_event_type)::text
        || ',"timestamp":"' || to_char(p_occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","data":' || p_data::text || '}', 'UTF8');
    if octet_length(v_body) > 1048576 then
        raise exception 'the event is larger than 1 MiB (% bytes)', octet_length(v_body) using
            errcode = 'program_limit_exceeded', hint = 'Send a reference to the data instead.';
    end if;

    select * into v_first from hub.accept_events(
        array[p_org_id], array[v_id], array[p_id], array[p_event_type], array[v_body], array[p_occurred_at],
        array[clock_timestamp()], array[null::uuid],
        array[(select string_agg(c.name, ',' order by c.name) from (select distinct unnest(p_channels)) as c (name))],
        array[p_ordering_key], '{}', array[true],
        case when v_has_key then array[p_org_id] else '{}'::uuid[] end,
        case when v_has_key then array[v_id] else '{}'::uuid[] end,
        case when v_has_key then array['event_id'] else '{}'::text[] end,
        case when v_has_key then array[p_id] else '{}'::text[] end,
        case when v_has_key then array[sha256(convert_to(p_event_type || chr(10) || p_data::text, 'UTF8'))] else '{}'::bytea[] end,
        case when v_has_key then array[now() + interval '3 days'] else '{}'::timestamptz[] end
    );
    if v_first.id is not null and not v_first.same_request then
        raise exception 'another event was published under the id %', p_id using
            errcode = 'unique_violation', hint = 'Give each event an id of its own.';
    end if;
    return coalesce(p_id, 'evt_' || replace(v_id::text, '-', ''));
end
$$;
alter function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) owner to hub_definer;
revoke execute on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) from public;
grant execute on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text)
    to hub_tenant, hub_publisher, hub_app, hub_worker;
comment on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) is
    'Publish an event in the caller''s own transaction; answers its id.';


-- ======== schema/50_webhooks/580_claim_deliveries.sql

-- The worker's side of the queue: claim, keep, record. All three see every organization, so they are definer functions;
-- between them the worker holds no transaction.

-- How many deliveries may be taken for an endpoint that has a limit or is in trouble: what its circuit, its concurrency
-- and its rate leave. Tokens are taken here, for as many as are due.
--
-- Two workers must not both count what is in flight and both fill it up: whoever comes second gets nothing this time.
-- It is a function so that it sees what the first has committed since the claim's own statement began.
create function hub.endpoint_allowance(p_org_id uuid, p_endpoint_id uuid, p_lease interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_endpoint record;
    v_gate record;
    v_leased integer;
    v_due integer;
    v_tokens double precision;
    v_allowed integer := 128;
begin
    if not pg_try_advisory_xact_lock(hashtextextended(p_endpoint_id::text, 0)) then
        return 0;
    end if;
    select e.concurrency, e.rate_limit into v_endpoint
    from hub.webhook_endpoints e where e.org_id = p_org_id and e.id = p_endpoint_id;
    select g.circuit, g.failures, g.opens_until, g.slow_until, g.tokens, g.tokens_at into v_gate
    from hub.webhook_endpoint_gates g where g.org_id = p_org_id and g.endpoint_id = p_endpoint_id;
    if v_gate.slow_until > v_now or (v_gate.circuit <> 'closed' and v_gate.opens_until > v_now) then
        return 0;
    end if;
    if v_gate.circuit <> 'closed' then
        -- One probe, and should nothing be heard of it, the next when its lease is over: BreakerSettings.probe_lease.
        if not exists (
            select from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
                and d.due_at <= v_now
        ) then
            return 0;
        end if;
        update hub.webhook_endpoint_gates g set circuit = 'half_open', opens_until = v_now + interval '60 seconds'
        where g.org_id = p_org_id and g.endpoint_id = p_endpoint_id;
        return 1;
    end if;
    -- What is in flight has its due time within a lease from now.
    select count(*) into v_leased
    from hub.webhook_deliveries d
    where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
        and d.due_at > v_now and d.due_at <= v_now + p_lease and d.leased;
    if v_gate.failures > 0 then
        v_allowed := 8 - v_leased;
    end if;
    v_allowed := least(v_allowed, v_endpoint.concurrency - v_leased);
    if v_allowed > 0 and v_endpoint.rate_limit is not null then
        -- A bucket of a second's worth. A clock that went back gives nothing, and takes nothing away.
        v_tokens := least(
            greatest(v_endpoint.rate_limit, 1),
            coalesce(v_gate.tokens, 1)
                + v_endpoint.rate_limit * greatest(extract(epoch from v_now - coalesce(v_gate.tokens_at, v_now)), 0)
        );
        select count(*) into v_due from (
            select from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
                and d.due_at <= v_now
            limit 128
        ) as due;
        v_allowed := least(v_allowed, v_due, floor(v_tokens)::integer);
        insert into hub.webhook_endpoint_gates (org_id, endpoint_id, tokens, tokens_at)
        values (p_org_id, p_endpoint_id, v_tokens - v_allowed, v_now)
        on conflict (org_id, endpoint_id) do update set tokens = excluded.tokens, tokens_at = excluded.tokens_at;
    end if;
    return greatest(v_allowed, 0);
end
$$;
alter function hub.endpoint_allowance(uuid, uuid, interval) owner to hub_definer;
revoke execute on function hub.endpoint_allowance(uuid, uuid, interval) from public;
comment on function hub.endpoint_allowance(uuid, uuid, interval) is
    'How many deliveries of an endpoint that is limited or in trouble may be taken now.';


-- A delivery that has just been leased: what `claim_deliveries` knows of it before it looks up the rest.
create type hub.claimed_delivery as (
    org_id uuid, endpoint_id uuid, event_id uuid, attempts smallint, step smallint, fence integer, reclaimed boolean,
    due_at timestamptz, resume_state text, restarted_at timestamptz, lane text, limited boolean, troubled boolean
);
comment on type hub.claimed_delivery is 'A delivery that has just been leased to a worker.';


-- Take due deliveries in hand for the length of the lease, 256 at most.
--
-- Fair in two steps. The room is shared out evenly among the organizations that have any open, 64 at most from just
-- after the given one; what some leave over goes to those that want more. An organization's share goes to its
-- endpoints in turn, 32 to each at first, from just after the one where its share ended last time (`p_turn_*`). So
-- neither a flood nor a dead receiver keeps the others waiting for longer than a round. `p_busy` and `p_busy_orgs`
-- pass over endpoints and organizations of which the worker has its fill, without looking at their rows.
--
-- Who has something open is found by walking the index of what is due. While a transaction elsewhere is held open, a
-- backup's say, nothing that has been claimed or has ended can be cleared from it, and the walk goes over all of that. So
-- a worker may name endpoints that it knows (`p_known_*`), each with a moment before which nothing of it is due any more:
-- then these alone are looked at, from there on. What it does not know of, or came late, waits for its next walk.
--
-- Answers with each: what an organization's share was, and, if there are more organizations, the one to go on after.
--
-- The planner is held to index scans: it plans this while the queue is empty and would choose to read the whole table.
-- The rows just locked cannot move, so they are updated where they lie, by ctid: all open ones are in one partition.
-- A body over 64 KiB is left out: the worker fetches it when it sends it, so that what it has in hand stays small.
-- Comparing with a variable, and not with clock_timestamp(), lets the due time be part of the index condition.
create function hub.claim_deliveries(
    p_after_org_id uuid, p_turn_org_ids uuid[], p_turn_endpoint_ids uuid[], p_busy uuid[], p_busy_orgs uuid[],
    p_lease interval, p_known_org_ids uuid[], p_known_endpoint_ids uuid[], p_known_floors timestamptz[]
) returns table (
    org_id uuid, endpoint_id uuid, event_id uuid, attempts smallint, step smallint, fence integer, reclaimed boolean,
    due_at timestamptz, resume_state text, chain_from timestamptz, lane text, limited boolean, troubled boolean,
    event_key text, body bytea, accepted_at timestamptz, unchecked boolean, endpoint_status text,
    endpoint_updated_at timestamptz, batch_size smallint, batch_wait_ms integer, share integer, page_end uuid,
    claimed_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_walk boolean := cardinality(p_known_endpoint_ids) = 0;
    v_after uuid := p_after_org_id;
    v_page_end uuid;
    v_orgs uuid[];
    v_share integer;
    v_first_share integer;
    v_claimed hub.claimed_delivery[] := '{}';
    v_more hub.claimed_delivery[];
    v_full uuid[];
begin
    loop
        with recursive org (org_id, n) as (
            (
                select d.org_id, 1 from hub.webhook_deliveries d
                where v_walk and d.open and d.state = 'pending' and d.org_id > v_after
                order by d.org_id limit 1
            )
            union all
            select n.org_id, o.n + 1
            from org o
            cross join lateral (
                select d.org_id from hub.webhook_deliveries d
                where d.open and d.state = 'pending' and d.org_id > o.org_id
                order by d.org_id limit 1
            ) as n
            where o.n < 64
        )
        select array_agg(o.org_id order by o.n) filter (where o.org_id <> all (p_busy_orgs)),
            max(o.org_id::text) filter (where o.n = 64)
        into v_orgs, v_page_end
        from org o;
        if not v_walk then
            select array_agg(distinct k.org_id) into v_orgs
            from unnest(p_known_org_ids) as k (org_id) where k.org_id <> all (p_busy_orgs);
        end if;

        for v_pass in 1..3 loop
            exit when v_orgs is null;
            v_share := (256 - cardinality(v_claimed)) / cardinality(v_orgs);
            v_first_share := coalesce(v_first_share, v_share);
            exit when v_share = 0;
            with picked as materialized (
                select o.org_id, q.*
                from unnest(v_orgs) as o (org_id)
                cross join lateral (
                    select q.ctid, q.leased, q.due_at, m.limited, m.troubled, t.endpoint_id,
                        case when not m.limited then t.most end as most
                    from (
                        with recursive turn (endpoint_id) as (
                            (
                                select d.endpoint_id from hub.webhook_deliveries d
                                where v_walk and d.open and d.state = 'pending' and d.org_id = o.org_id
                                    and d.endpoint_id > coalesce(
                                        case when v_pass = 1 then p_turn_endpoint_ids[array_position(p_turn_org_ids, o.org_id)] end,
                                        '00000000-0000-0000-0000-000000000000'
                                    )
                                order by d.endpoint_id limit 1
                            )
                            union all
                            select n.endpoint_id
                            from turn t
                            cross join lateral (
                                select d.endpoint_id from hub.webhook_deliveries d
                                where d.open and d.state = 'pending' and d.org_id = o.org_id
                                    and d.endpoint_id > t.endpoint_id
                                order by d.endpoint_id limit 1
                            ) as n
                        )
                        -- Where few endpoints have anything, the first pass need not leave room for many: the second
                        -- costs as much again.
                        select t.endpoint_id,
                            case
                                when v_pass > 1 then 128
                                else 128 / (select count(*) from (select from turn limit 4) as few)
                            end as most,
                            '-infinity'::timestamptz as floor
                        from turn t where t.endpoint_id <> all (p_busy)
                        union all
                        select k.endpoint_id,
                            case when v_pass > 1 then 128 else 128 / least(cardinality(p_known_endpoint_ids), 4) end,
                            k.floor
                        from unnest(p_known_org_ids, p_known_endpoint_ids, p_known_floors) as k (org_id, endpoint_id, floor)
                        where k.org_id = o.org_id
                    ) as t
                    left join hub.webhook_endpoints w on w.org_id = o.org_id and w.id = t.endpoint_id
                    left join hub.webhook_endpoint_gates g on g.org_id = o.org_id and g.endpoint_id = t.endpoint_id
                    cross join lateral (
                        select
                            w.rate_limit is not null or w.concurrency is not null or coalesce(g.failures > 0, false)
                                or coalesce(g.slow_until > v_now, false),
                            coalesce(g.failures > 0, false)
                    ) as m (limited, troubled)
                    cross join lateral (
                        select d.ctid, d.leased, d.due_at from hub.webhook_deliveries d
                        where d.open and d.state = 'pending' and d.org_id = o.org_id and d.endpoint_id = t.endpoint_id
                            and d.due_at >= t.floor and d.due_at <= v_now
                        order by d.due_at
                        limit case
                            when m.limited then hub.endpoint_allowance(o.org_id, t.endpoint_id, p_lease)
                            else t.most
                        end
                        for update skip locked
                    ) as q
                    limit v_share
                ) as q
            ),
            claimed as (
                update hub.webhook_deliveries d
                set due_at = v_now + p_lease, leased = true, fence = d.fence + 1
                from picked p
                where d.open and d.ctid = p.ctid
                returning d.org_id, d.endpoint_id, d.event_id, d.attempts, d.step, d.fence, p.leased, p.due_at,
                    d.resume_state, d.restarted_at, d.lane, p.limited, p.troubled
            )
            select (select array_agg(c::hub.claimed_delivery) from claimed c),
                (
                    select array_agg(f.org_id)
                    from (select p.org_id from picked p group by p.org_id, p.endpoint_id having count(*) >= max(p.most)) as f
                )
            into v_more, v_full;
            v_claimed := v_claimed || coalesce(v_more, '{}');
            -- Those that took all they were offered may want what the others left, and those whose turn began in the
            -- middle may have more before it.
            select array_agg(m.org_id) into v_orgs
            from (
                select c.org_id from unnest(v_more) as c group by c.org_id having count(*) >= v_share
                union
                select o.org_id from unnest(v_orgs) as o (org_id)
                where v_pass = 1 and (o.org_id = any (v_full) or o.org_id = any (p_turn_org_ids))
            ) as m;
        end loop;
        exit when cardinality(v_claimed) > 0 or v_page_end is null;
        v_after := v_page_end;
    end loop;

    return query
    select c.org_id, c.endpoint_id, c.event_id, c.attempts, c.step, c.fence, c.reclaimed, c.due_at, c.resume_state,
        coalesce(c.restarted_at, e.accepted_at), c.lane, c.limited, c.troubled, e.key,
        case when octet_length(e.body) <= 65536 then e.body end, e.accepted_at, e.unchecked,
        w.status, w.updated_at, w.batch_size, w.batch_wait_ms, v_first_share, v_page_end, v_now
    from unnest(v_claimed) as c
    left join hub.webhook_events e on e.org_id = c.org_id and e.id = c.event_id
    left join hub.webhook_endpoints w on w.org_id = c.org_id and w.id = c.endpoint_id;
end
$$;
alter function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) owner to hub_definer;
revoke execute on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) from public;
grant execute on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) to hub_worker;
comment on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) is
    'Lease due deliveries to a worker, fairly over organizations and endpoints, with all it needs to send them.';


-- ======== schema/50_webhooks/590_record_attempts.sql

-- The heartbeat: push the end of the lease out for deliveries still in hand. One that is not answered has been lost
-- to another worker.
create function hub.extend_leases(
    p_org_ids uuid[], p_endpoint_ids uuid[], p_event_ids uuid[], p_fences integer[], p_lease interval
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_count bigint;
begin
    update hub.webhook_deliveries d set due_at = clock_timestamp() + p_lease
    from unnest(p_org_ids, p_endpoint_ids, p_event_ids, p_fences) as h (org_id, endpoint_id, event_id, fence)
    where d.open and d.leased and d.org_id = h.org_id and d.endpoint_id = h.endpoint_id
        and d.event_id = h.event_id and d.fence = h.fence;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) owner to hub_definer;
revoke execute on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) from public;
grant execute on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) to hub_worker;
comment on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) is
    'Keep deliveries in hand; answers how many still are.';


-- Give deliveries back with what became of them: `p_next` is delivered, exhausted, cancelled or filtered (the end),
-- blocked or parked (exhausted, but somebody shall look at it), pending (again, after `p_delay_ms`), held, or resume: a
-- manual retry failed, so the delivery is put back as it was. An attempt is recorded where `p_attempt_ids` has an id; a
-- delivery given back untried has none. The optional columns (delay, reason, cause, detail, reclaimed, truncated, batch)
-- may be left empty as a whole.
-- A delivery that is no longer leased, or whose fence has moved on belongs to another by now: its attempt is recorded as fenced
-- and nothing else happens. Answers the fenced ones.
create function hub.record_attempts(
    p_org_ids uuid[], p_endpoint_ids uuid[], p_event_ids uuid[], p_fences integer[], p_next text[], p_delay_ms bigint[],
    p_reasons text[], p_attempt_ids uuid[], p_attempts smallint[], p_outcomes text[], p_error_causes text[],
    p_error_details text[], p_reclaimed boolean[], p_manual boolean[], p_batch_ids text[], p_started_at timestamptz[],
    p_duration_ms integer[], p_urls text[], p_request_headers text[], p_statuses smallint[], p_response_headers text[],
    p_response_bodies bytea[], p_truncated boolean[]
) returns table (event_id uuid, endpoint_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
#variable_conflict use_column
declare
    v_now timestamptz := clock_timestamp();
    v_lost bigint[];
    v_moved record;
begin
    with given as materialized (
        select g.org_id, g.endpoint_id, g.event_id, g.fence, g.delay_ms, g.reason, g.attempt_id, g.n, g.next, m.manual,
            g.next in ('pending', 'held', 'blocked', 'parked') as open
        from unnest(p_org_ids, p_endpoint_ids, p_event_ids, p_fences, p_next, p_delay_ms, p_reasons, p_attempt_ids)
            with ordinality as g (org_id, endpoint_id, event_id, fence, next, delay_ms, reason, attempt_id, n)
        left join unnest(p_manual) with ordinality as m (manual, n) on m.n = g.n
    ),
    moved as (
        update hub.webhook_deliveries d
        set open = case
                when g.next = 'resume' then d.resume_state in ('pending', 'held', 'blocked', 'parked') else g.open
            end,
            state = case when g.next = 'resume' then d.resume_state else g.next end,
            due_at = case
                when g.next = 'resume' then coalesce(d.resume_at, 'infinity')
                when g.next = 'pending' then v_now + coalesce(g.delay_ms, 0) * interval '1 millisecond'
                when g.open then 'infinity'
                else d.due_at
            end,
            leased = false,
            attempts = least(d.attempts + (g.attempt_id is not null)::int, 32767),
            step = least(d.step + (g.attempt_id is not null and g.manual is not true)::int, 32767),
            reason = case when g.next = 'resume' then d.reason else g.reason end,
            ended_at = case
                when g.open or (g.next = 'resume' and d.resume_state in ('pending', 'held', 'blocked', 'parked')) then null
                else v_now
            end,
            resume_state = case when g.next = 'pending' then d.resume_state end,
            resume_at = case when g.next = 'pending' then d.resume_at end
        from given g
        where d.open and d.org_id = g.org_id and d.endpoint_id = g.endpoint_id and d.event_id = g.event_id
            and d.fence = g.fence and d.leased
        returning g.n, d.org_id, d.endpoint_id, d.lane
    )
    select array_agg(m.n) as n, array_agg(m.org_id) filter (where m.lane is not null) as org_ids,
        array_agg(m.endpoint_id) filter (where m.lane is not null) as endpoint_ids,
        array_agg(m.lane) filter (where m.lane is not null) as lanes
    into v_moved from moved m;
    if v_moved.lanes is not null then
        perform hub.promote_lanes(v_moved.org_ids, v_moved.endpoint_ids, v_moved.lanes);
    end if;
    if coalesce(cardinality(v_moved.n), 0) < cardinality(p_event_ids) then
        select array_agg(n) into v_lost
        from generate_series(1, cardinality(p_event_ids)) as n where n <> all (coalesce(v_moved.n, '{}'));
    end if;

    insert into hub.webhook_event_logs (
        org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, reclaimed, fenced, manual, batch_id,
        started_at, duration_ms, url, request_headers, status, response_headers, response_body, response_truncated,
        next_due_at
    )
    select a.org_id, a.endpoint_id, a.event_id, a.id, a.attempt, a.outcome, a.error_cause, a.error_detail,
        coalesce(a.reclaimed, false), a.n = any (coalesce(v_lost, '{}')), coalesce(a.manual, false), a.batch_id,
        a.started_at, a.duration_ms, a.url, a.request_headers::json, a.status,
        a.response_headers::json,
        -- An answer may say again what the event did: of one that has been removed meanwhile it is not kept.
        case
            when octet_length(a.response_body) = 0 or not exists (
                select from hub.webhook_events e where e.org_id = a.org_id and e.id = a.event_id and e.body is null
            ) then a.response_body
        end,
        coalesce(a.truncated, false),
        case when a.next = 'pending' then v_now + coalesce(a.delay_ms, 0) * interval '1 millisecond' end
    from unnest(
        p_org_ids, p_endpoint_ids, p_event_ids, p_next, p_delay_ms, p_attempt_ids, p_attempts, p_outcomes,
        p_error_causes, p_error_details, p_reclaimed, p_manual, p_batch_ids, p_started_at, p_duration_ms, p_urls,
        p_request_headers, p_statuses, p_response_headers, p_response_bodies, p_truncated
    ) with ordinality as a (
        org_id, endpoint_id, event_id, next, delay_ms, id, attempt, outcome, error_cause, error_detail, reclaimed,
        manual, batch_id, started_at, duration_ms, url, request_headers, status, response_headers, response_body,
        truncated, n
    )
    where a.id is not null
    -- A worker that did not hear of its commit records the same attempts again.
    on conflict do nothing;

    return query select p_event_ids[x], p_endpoint_ids[x] from unnest(v_lost) as x;
end
$$;
alter function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) owner to hub_definer;
revoke execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) from public;
grant execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) to hub_worker;
comment on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) is 'Record attempts and move their deliveries on, unless another worker holds them by now; answers those.';


-- How the queue stands, for metrics and readiness: how many are open and held, and since when the oldest due one waits.
create function hub.queue_state() returns table (pending bigint, held bigint, oldest_due_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select count(*) filter (where d.state = 'pending'), count(*) filter (where d.state = 'held'),
        min(d.due_at) filter (where d.state = 'pending' and d.due_at <= now())
    from hub.webhook_deliveries d where d.open
$$;
alter function hub.queue_state() owner to hub_definer;
revoke execute on function hub.queue_state() from public;
grant execute on function hub.queue_state() to hub_app, hub_worker;
comment on function hub.queue_state() is 'Open deliveries, held ones, and since when the oldest due one waits.';


-- ======== schema/50_webhooks/595_acknowledge.sql

-- A receiver that fetches its messages says which of them it has dealt with, and how: an attempt is recorded for each
-- and the delivery ends. One that is not open for fetching (any more) is passed over, so saying it twice does it once.
-- Answers how many ended.
create function hub.acknowledge_deliveries(
    p_org_id uuid, p_endpoint_id uuid, p_event_ids uuid[], p_outcomes text[], p_statuses smallint[],
    p_error_details text[], p_duration_ms integer[]
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_count integer;
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'deliveries are acknowledged by their own organization' using errcode = 'insufficient_privilege';
    end if;
    with ended as (
        update hub.webhook_deliveries d
        set open = false, state = case g.outcome when 'delivered' then 'delivered' else 'exhausted' end,
            reason = case g.outcome when 'delivered' then null else 'attempts' end,
            attempts = least(d.attempts + 1, 32767), ended_at = v_now, resume_state = null, resume_at = null
        from unnest(p_event_ids, p_outcomes, p_statuses, p_error_details, p_duration_ms)
            as g (event_id, outcome, status, error_detail, duration_ms)
        where d.open and d.state = 'available' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
            and d.event_id = g.event_id
        returning d.event_id, d.attempts, g.outcome, g.status, g.error_detail, g.duration_ms
    )
    insert into hub.webhook_event_logs (
        org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, started_at, duration_ms, url,
        request_headers, status
    )
    select p_org_id, p_endpoint_id, e.event_id, hub.uuidv7(), e.attempts, e.outcome,
        case when e.outcome = 'failed' then 'receiver' end, e.error_detail,
        v_now - e.duration_ms * interval '1 millisecond', e.duration_ms, 'fetched', '[]', e.status
    from ended e;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) owner to hub_definer;
revoke execute on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) from public;
grant execute on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) to hub_app;
comment on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) is
    'End deliveries that a receiver has fetched and dealt with; answers how many.';


-- ======== schema/50_webhooks/596_replay.sql

-- Which of an organization's events, after one and before another, a replay to an endpoint would send: every event
-- looked at, in order, and whether it is wanted.
create function hub.replay_candidates(
    p_org_id uuid, p_endpoint_id uuid, p_what text, p_event_types text[], p_after uuid, p_before uuid, p_limit integer
) returns table (event_id uuid, wanted boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
begin
    return query
    select e.id,
        e.body is not null and e.only_endpoint_id is null
            and hub.event_type_matches(e.type, p_event_types) and hub.event_type_matches(e.type, w.event_types)
            and (w.channels is null or coalesce(w.channels && e.channels, false))
            and case
                when d.event_id is null then p_what in ('all', 'missing')
                when d.state in ('blocked', 'parked', 'exhausted', 'cancelled') then p_what in ('all', 'failed')
                else p_what = 'all' and not d.open
            end
    from (
        select x.* from hub.webhook_events x
        where x.org_id = p_org_id and x.id > p_after and x.id < p_before
        order by x.id limit p_limit
    ) as e
    join hub.webhook_endpoints w on w.org_id = p_org_id and w.id = p_endpoint_id
    left join hub.webhook_deliveries d on d.org_id = p_org_id and d.event_id = e.id and d.endpoint_id = p_endpoint_id
    order by e.id;
end
$$;
alter function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) owner to hub_definer;
revoke execute on function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) from public;
comment on function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) is
    'The events a replay would look at next, and which of them it would send.';


-- How many events a replay would send. It stops counting after a million events or five seconds: `counted_all` says
-- whether it came to the end.
create function hub.count_replay(
    p_org_id uuid, p_endpoint_id uuid, p_what text, p_event_types text[], p_from uuid, p_before uuid,
    out wanted bigint, out examined bigint, out counted_all boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_until timestamptz := clock_timestamp() + interval '5 seconds';
    v_after uuid := p_from;
    v_page record;
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'replays are counted by their own organization' using errcode = 'insufficient_privilege';
    end if;
    wanted := 0;
    examined := 0;
    loop
        select count(*) as n, count(*) filter (where c.wanted) as w, max(c.event_id::text)::uuid as last into v_page
        from hub.replay_candidates(p_org_id, p_endpoint_id, p_what, p_event_types, v_after, p_before, 5000) as c;
        wanted := wanted + v_page.w;
        examined := examined + v_page.n;
        counted_all := v_page.n < 5000;
        exit when counted_all or examined >= 1000000 or clock_timestamp() > v_until;
        v_after := v_page.last;
    end loop;
end
$$;
alter function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) owner to hub_definer;
revoke execute on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) from public;
grant execute on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) to hub_app;
comment on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) is 'How many events a replay would send.';


-- Send events to an endpoint (again): a delivery is made where there is none, one that ended or was put aside begins
-- anew, one that is open is let be. Answers how many are on their way.
create function hub.requeue_deliveries(p_org_id uuid, p_endpoint_id uuid, p_event_ids uuid[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_count integer;
    v_lanes text[];
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'deliveries are sent again by their own organization' using errcode = 'insufficient_privilege';
    end if;
    with wanted as materialized (
        select e.id as event_id,
            case
                when w.ordering = 'endpoint' then ''
                when w.ordering = 'key' then e.ordering_key
            end as lane,
            w.kind, row_number() over (order by e.id) as n
        from hub.webhook_endpoints w
        join hub.webhook_events e on e.org_id = w.org_id and e.id = any (p_event_ids)
        where w.org_id = p_org_id and w.id = p_endpoint_id and e.body is not null
    ),
    numbered as materialized (
        select o.event_id, o.lane, case when o.lane is not null then nextval('hub.webhook_lane_sequence') end as sequence,
            case when o.kind = 'pull' then 'available' when o.lane is not null then 'queued' else 'pending' end as state
        from (select * from wanted order by n) as o
    ),
    begun as (
        update hub.webhook_deliveries d
        set open = true, state = n.state, due_at = clock_timestamp(), step = 0, restarted_at = now(), ended_at = null,
            reason = null, resume_state = null, resume_at = null, leased = false, lane = n.lane, sequence = n.sequence
        from numbered n
        where d.org_id = p_org_id and d.endpoint_id = p_endpoint_id and d.event_id = n.event_id
            and (not d.open or d.state in ('blocked', 'parked'))
        returning d.event_id, d.lane
    ),
    made as (
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, restarted_at, lane, sequence)
        select p_org_id, p_endpoint_id, n.event_id, n.state, now(), n.lane, n.sequence
        from numbered n
        where not exists (
            select from hub.webhook_deliveries d
            where d.org_id = p_org_id and d.endpoint_id = p_endpoint_id and d.event_id = n.event_id
        )
        on conflict do nothing
        returning event_id, lane
    )
    select count(*), array_agg(distinct x.lane) filter (where x.lane is not null) into v_count, v_lanes
    from (select * from begun union all select * from made) as x;
    if v_lanes is not null then
        perform hub.promote_lanes(
            array_fill(p_org_id, array[cardinality(v_lanes)]), array_fill(p_endpoint_id, array[cardinality(v_lanes)]), v_lanes
        );
    end if;
    return v_count;
end
$$;
alter function hub.requeue_deliveries(uuid, uuid, uuid[]) owner to hub_definer;
revoke execute on function hub.requeue_deliveries(uuid, uuid, uuid[]) from public;
grant execute on function hub.requeue_deliveries(uuid, uuid, uuid[]) to hub_app;
comment on function hub.requeue_deliveries(uuid, uuid, uuid[]) is 'Send events to an endpoint (again).';


-- One step of one replay that is due: queue its next deliveries and move its cursor. Answers whether there was one, and
-- how many it queued. With a thousand of the endpoint's waiting already, it waits for these.
create function hub.step_replay(out stepped boolean, out queued integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_replay hub.webhook_replays;
    v_room integer;
    v_looked integer;
    v_events uuid[];
    v_last uuid;
begin
    queued := 0;
    select r.* into v_replay from hub.webhook_replays r
    where r.state = 'running' and r.due_at <= clock_timestamp()
    order by r.due_at limit 1 for update skip locked;
    stepped := v_replay.id is not null;
    if not stepped then
        return;
    end if;
    perform set_config('hub.org', v_replay.org_id::text, true);
    select 1000 - count(*) into v_room from (
        select from hub.webhook_deliveries d
        where d.open and d.state = 'pending' and d.org_id = v_replay.org_id and d.endpoint_id = v_replay.endpoint_id
        limit 1000
    ) as waiting;
    v_room := least(v_room, 500, case when v_replay.rate is not null then greatest(ceil(v_replay.rate)::integer, 1) end);
    if v_room < 1 then
        update hub.webhook_replays r set due_at = clock_timestamp() + interval '200 milliseconds'
        where r.org_id = v_replay.org_id and r.id = v_replay.id;
        return;
    end if;

    select count(*), (array_agg(c.event_id order by c.event_id) filter (where c.wanted))[:v_room],
        max(c.event_id::text)::uuid
    into v_looked, v_events, v_last
    from hub.replay_candidates(
        v_replay.org_id, v_replay.endpoint_id, v_replay.what, v_replay.event_types, v_replay.cursor_id, v_replay.to_id,
        2000
    ) as c;
    if cardinality(v_events) = v_room then
        v_last := v_events[v_room];
        select count(*) into v_looked from hub.webhook_events e
        where e.org_id = v_replay.org_id and e.id > v_replay.cursor_id and e.id <= v_last;
    elsif v_looked < 2000 then
        v_last := null;
    end if;
    if v_events is not null then
        queued := hub.requeue_deliveries(v_replay.org_id, v_replay.endpoint_id, v_events);
    end if;
    update hub.webhook_replays r
    set cursor_id = coalesce(v_last, r.cursor_id), examined = r.examined + v_looked, queued = r.queued + step_replay.queued,
        state = case when v_last is null then 'completed' else 'running' end,
        finished_at = case when v_last is null then clock_timestamp() end,
        due_at = clock_timestamp() + coalesce(step_replay.queued / r.rate, 0) * interval '1 second'
    where r.org_id = v_replay.org_id and r.id = v_replay.id;
    perform set_config('hub.org', '', true);
end
$$;
alter function hub.step_replay() owner to hub_definer;
revoke execute on function hub.step_replay() from public;
grant execute on function hub.step_replay() to hub_worker;
comment on function hub.step_replay() is 'One step of one replay that is due, in one transaction.';


-- ======== schema/55_inbound/551_inbound_sources.sql

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


-- ======== schema/55_inbound/552_inbound_messages.sql

-- What a provider sent and a source has verified: the raw body, kept so that it can be processed again, and how far its
-- processing is. Partitioned by week on its own time-ordered id.
--
-- No foreign keys here and below, for the reason that webhook_events has none.
create table hub.inbound_messages (
    org_id uuid not null,
    id uuid not null,
    source_id uuid not null,
    provider_event_id text check (length(provider_event_id) between 1 and 255),
    method text not null check (method in ('GET', 'POST')),
    query text not null default '' check (length(query) <= 65536),
    headers json not null,
    body bytea not null check (octet_length(body) <= 1048576),
    received_at timestamptz not null default now(),
    verdict text not null default 'verified' check (verdict in ('verified', 'handshake')),
    state text not null default 'received' check (state in ('received', 'processed', 'failed', 'ignored')),
    attempts smallint not null default 0,
    replays integer not null default 0,
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    event_id uuid,
    event_ids uuid[] check (cardinality(event_ids) between 2 and 1000),
    passed_on integer,
    error text check (length(error) <= 500),
    primary key (org_id, id),
    check (not leased or state = 'received'),
    check (state <> 'processed' or event_id is not null or passed_on is not null),
    check (verdict = 'verified' or state = 'ignored')
) partition by range (id);
create table hub.inbound_messages_rest partition of hub.inbound_messages default;

-- While a message is leased `due_at` is the end of its lease.
create index inbound_messages_due_idx on hub.inbound_messages (due_at) where state = 'received';
create index inbound_messages_source_idx on hub.inbound_messages (org_id, source_id, id);
-- For the day on which an event is removed, and with it what it was made of.
create index inbound_messages_event_idx on hub.inbound_messages (org_id, event_id) where event_id is not null;

create index inbound_messages_events_idx on hub.inbound_messages using gin (event_ids) where event_ids is not null;

-- Which of a provider's event ids a source has had: across the weeks that its messages lie in.
create table hub.inbound_seen (
    org_id uuid not null,
    source_id uuid not null,
    provider_event_id text not null check (length(provider_event_id) between 1 and 255),
    message_id uuid not null,
    repeats integer not null default 0,
    expires_at timestamptz not null,
    primary key (org_id, source_id, provider_event_id)
);

create index inbound_seen_expiry_idx on hub.inbound_seen (expires_at);

-- How many requests a source refused, by day and reason: counted, not kept, so that a flood cannot fill the disk.
create table hub.inbound_refusals (
    org_id uuid not null,
    source_id uuid not null,
    day date not null,
    reason text not null check (reason ~ '^[a-z_]{1,40}$'),
    count bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_address text check (length(last_address) <= 64),
    primary key (org_id, source_id, day, reason)
);

create index inbound_refusals_day_idx on hub.inbound_refusals (day);

alter table hub.inbound_messages enable row level security;
alter table hub.inbound_messages force row level security;
alter table hub.inbound_messages_rest enable row level security;
alter table hub.inbound_messages_rest force row level security;
alter table hub.inbound_seen enable row level security;
alter table hub.inbound_seen force row level security;
alter table hub.inbound_refusals enable row level security;
alter table hub.inbound_refusals force row level security;

create policy tenant on hub.inbound_messages to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_messages to hub_definer using (true) with check (true);
create policy tenant on hub.inbound_seen to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_seen to hub_definer using (true) with check (true);
create policy tenant on hub.inbound_refusals to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_refusals to hub_definer using (true) with check (true);

grant select, update (state, attempts, replays, due_at, leased, fence, error) on hub.inbound_messages to hub_app;
grant select on hub.inbound_messages to hub_worker;
grant select (
    org_id, id, source_id, provider_event_id, method, received_at, verdict, state, attempts, replays, due_at, event_id,
    event_ids, passed_on, error
) on hub.inbound_messages to hub_readonly;
grant select, insert, update, delete on hub.inbound_messages to hub_definer;
grant select on hub.inbound_seen to hub_app, hub_readonly;
grant select, insert, update, delete on hub.inbound_seen to hub_definer;
grant select on hub.inbound_refusals to hub_app, hub_readonly;
grant select, insert, update, delete on hub.inbound_refusals to hub_definer;
comment on table hub.inbound_messages is 'What providers sent, verified, with its raw body and how far its processing is.';
comment on column hub.inbound_messages.headers is 'Pairs of name and value, secrets redacted.';
comment on column hub.inbound_messages.verdict is 'verified, or handshake: a challenge that was answered and has no event.';
comment on column hub.inbound_messages.event_ids is 'All events that were made of it, where there are several.';
comment on column hub.inbound_messages.passed_on is
    'To how many organizations it was passed on; its body is with them, and here no more.';
comment on column hub.inbound_messages.replays is 'How often somebody had it processed again: each time publishes anew.';
comment on table hub.inbound_seen is 'Event ids of providers that a source has had, so that each is stored once.';
comment on column hub.inbound_seen.repeats is 'How often it came again.';
comment on table hub.inbound_refusals is 'Counts of refused requests by source, day and reason.';


-- ======== schema/55_inbound/553_work_inbound.sql

-- The way of a message: stored at the door, claimed by a worker, finished. These see every organization, so they are
-- definer functions.

-- Store a message, unless the source has had the provider's event id before: then it only counts the repetition.
-- Answers the message that is stored now or was then. Two at once under one id wait for each other.
create function hub.store_inbound_message(
    p_org_id uuid, p_source_id uuid, p_id uuid, p_provider_event_id text, p_seen_until timestamptz, p_method text,
    p_query text, p_headers json, p_body bytea, p_verdict text
) returns table (message_id uuid, stored boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_first uuid;
begin
    if p_provider_event_id is not null then
        -- One that is past its time is as good as none, whether it has been swept away yet or not.
        insert into hub.inbound_seen as s (org_id, source_id, provider_event_id, message_id, expires_at)
        values (p_org_id, p_source_id, p_provider_event_id, p_id, p_seen_until)
        on conflict (org_id, source_id, provider_event_id) do update set
            message_id = case when s.expires_at < now() then excluded.message_id else s.message_id end,
            expires_at = case when s.expires_at < now() then excluded.expires_at else s.expires_at end,
            repeats = case when s.expires_at < now() then 0 else s.repeats + 1 end
        returning s.message_id into v_first;
        if v_first <> p_id then
            return query select v_first, false;
            return;
        end if;
    end if;
    insert into hub.inbound_messages
        (org_id, id, source_id, provider_event_id, method, query, headers, body, verdict, state)
    values (
        p_org_id, p_id, p_source_id, p_provider_event_id, p_method, p_query, p_headers, p_body, p_verdict,
        case when p_verdict = 'handshake' then 'ignored' else 'received' end
    );
    return query select p_id, true;
end
$$;
alter function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    owner to hub_definer;
revoke execute on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    from public;
grant execute on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    to hub_app, hub_worker;
comment on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text) is
    'Store what a source has verified, once for each event id of its provider.';


-- Count refused requests, many at once: the arrays run in parallel.
create function hub.count_inbound_refusals(
    p_org_ids uuid[], p_source_ids uuid[], p_reasons text[], p_counts bigint[], p_addresses text[]
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into hub.inbound_refusals as r (org_id, source_id, day, reason, count, first_at, last_at, last_address)
    select x.org_id, x.source_id, (now() at time zone 'UTC')::date, x.reason, x.count, now(), now(), x.address
    from unnest(p_org_ids, p_source_ids, p_reasons, p_counts, p_addresses)
        as x (org_id, source_id, reason, count, address)
    order by x.org_id, x.source_id, x.reason
    on conflict (org_id, source_id, day, reason) do update
    set count = r.count + excluded.count, last_at = excluded.last_at, last_address = excluded.last_address
$$;
alter function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) owner to hub_definer;
revoke execute on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) from public;
grant execute on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) to hub_app;
comment on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) is
    'Count requests that sources refused, by day and reason.';


-- Take due messages in hand for the length of the lease, 32 at most, with what processing them takes. One whose worker
-- died comes back when its lease runs out; its attempt counts, so that what kills workers does not do so for ever.
create function hub.claim_inbound_messages(p_lease interval)
returns table (
    org_id uuid, id uuid, source_id uuid, provider_event_id text, method text, query text, headers json, body bytea,
    received_at timestamptz, attempts smallint, replays integer, fence integer, route text, endpoint_id uuid,
    event_type text, event_type_from jsonb, instance_id uuid, connection_id uuid, integration_slug text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select m.org_id, m.id from hub.inbound_messages m
        where m.state = 'received' and m.due_at <= v_now
        order by m.due_at limit 32
        for update skip locked
    ),
    claimed as (
        update hub.inbound_messages m
        set due_at = v_now + p_lease, leased = true, fence = m.fence + 1, attempts = m.attempts + 1
        from picked p
        where m.org_id = p.org_id and m.id = p.id
        returning m.*
    )
    select c.org_id, c.id, c.source_id, c.provider_event_id, c.method, c.query, c.headers, c.body, c.received_at,
        c.attempts, c.replays, c.fence, s.route, s.endpoint_id, s.event_type, s.event_type_from,
        s.instance_id, s.connection_id, s.integration_slug
    from claimed c
    left join hub.inbound_sources s on s.org_id = c.org_id and s.id = c.source_id;
end
$$;
alter function hub.claim_inbound_messages(interval) owner to hub_definer;
revoke execute on function hub.claim_inbound_messages(interval) from public;
grant execute on function hub.claim_inbound_messages(interval) to hub_worker;
comment on function hub.claim_inbound_messages(interval) is 'Lease due inbound messages to a worker, with their routes.';


-- Give messages back with what became of them: processed, failed or ignored (the end), or received (again, after
-- `p_delay_ms`). One that is no longer leased, or whose fence has moved on, belongs to another by now and is left
-- alone; answers those. Each message's events are one text, an array literal: arrays of arrays are all of one length.
create function hub.finish_inbound_messages(
    p_org_ids uuid[], p_ids uuid[], p_fences integer[], p_states text[], p_delay_ms bigint[], p_event_ids text[],
    p_errors text[]
) returns setof uuid
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with given as materialized (
        select * from unnest(p_org_ids, p_ids, p_fences, p_states, p_delay_ms, p_event_ids, p_errors)
            as g (org_id, id, fence, state, delay_ms, event_ids, error)
    ),
    moved as (
        update hub.inbound_messages m
        set state = g.state, leased = false, error = g.error, event_id = coalesce((g.event_ids::uuid[])[1], m.event_id),
            event_ids = case when cardinality(g.event_ids::uuid[]) > 1 then g.event_ids::uuid[] else m.event_ids end,
            due_at = case when g.state = 'received' then clock_timestamp() + g.delay_ms * interval '1 millisecond' else m.due_at end
        from given g
        where m.org_id = g.org_id and m.id = g.id and m.leased and m.fence = g.fence
        returning m.id
    )
    select g.id from given g where g.id not in (select id from moved)
$$;
alter function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    owner to hub_definer;
revoke execute on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    from public;
grant execute on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    to hub_worker;
comment on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[]) is
    'Move inbound messages on, unless another worker holds them by now; answers those.';


-- Forget event ids and secrets that have expired, and counts of refusals older than 90 days: 5,000 of each at most.
create function hub.forget_inbound() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_seen bigint;
    v_secrets bigint;
    v_refusals bigint;
begin
    with old as (
        select org_id, source_id, provider_event_id from hub.inbound_seen where expires_at < now()
        order by expires_at limit 5000
    )
    delete from hub.inbound_seen s using old
    where (s.org_id, s.source_id, s.provider_event_id) = (old.org_id, old.source_id, old.provider_event_id)
        and s.expires_at < now();
    get diagnostics v_seen = row_count;
    with old as (select org_id, source_id, id from hub.inbound_source_secrets where expires_at < now() limit 5000)
    delete from hub.inbound_source_secrets k using old
    where (k.org_id, k.source_id, k.id) = (old.org_id, old.source_id, old.id);
    get diagnostics v_secrets = row_count;
    with old as (
        select org_id, source_id, day, reason from hub.inbound_refusals where day < now() - interval '90 days' limit 5000
    )
    delete from hub.inbound_refusals r using old
    where (r.org_id, r.source_id, r.day, r.reason) = (old.org_id, old.source_id, old.day, old.reason);
    get diagnostics v_refusals = row_count;
    return v_seen + v_secrets + v_refusals;
end
$$;
alter function hub.forget_inbound() owner to hub_definer;
revoke execute on function hub.forget_inbound() from public;
grant execute on function hub.forget_inbound() to hub_worker;
comment on function hub.forget_inbound() is 'Delete expired event ids, secrets and old counts of refusals, a batch at a time.';


-- Remove the message that became an event, when the event's own is removed. That it came is remembered by its
-- provider's event id, so that it is not taken again.
create function hub.forget_inbound_of(p_org_id uuid, p_event_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    if p_org_id is distinct from hub.current_org() then
        return 0;
    end if;
    delete from hub.inbound_messages m
    where m.org_id = p_org_id
        and (m.event_id = p_event_id or (m.event_ids is not null and m.event_ids @> array[p_event_id]));
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_inbound_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.forget_inbound_of(uuid, uuid) from public;
grant execute on function hub.forget_inbound_of(uuid, uuid) to hub_app;
comment on function hub.forget_inbound_of(uuid, uuid) is 'Delete the inbound message that became an event of the caller''s organization.';


-- ======== schema/55_inbound/554_pass_on_inbound.sql

-- A provider has one address for all who connect through an app. What comes there belongs to the organizations whose
-- accounts it is about: each gets a copy, through a source of its own that is made when the first one comes, and the one
-- at the address keeps none.
--
-- Passed on is only to connections that were authorized through the app of the integration's owner: which account those
-- are for the provider has said to that app, and no setting of an instance had a say in it.
--
-- Answers to how many organizations; null when the message is another worker's by now, or not there.
create function hub.pass_on_inbound(
    p_org_id uuid, p_message_id uuid, p_fence integer, p_accounts text[], p_seen_until timestamptz
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_message hub.inbound_messages;
    v_source hub.inbound_sources;
    v_target record;
    v_fed hub.inbound_sources;
    v_count integer := 0;
begin
    select * into v_message from hub.inbound_messages m
    where m.org_id = p_org_id and m.id = p_message_id and m.leased and m.fence = p_fence for update;
    if not found then
        return null;
    end if;
    select * into v_source from hub.inbound_sources s
    where s.org_id = p_org_id and s.id = v_message.source_id and s.route = 'accounts';
    if not found then
        return null;
    end if;
    for v_target in
        select distinct c.org_id, n.id as instance_id, n.name
        from hub.integrations i
        join hub.integration_instances n on n.integration_org_id = i.org_id and n.integration_id = i.id
        join hub.api_connections c on c.org_id = n.org_id and c.instance_id = n.id
        join hub.organizations o on o.id = c.org_id and o.suspended_at is null
        join hub.oauth_clients shared on shared.org_id = i.org_id and shared.integration_slug = i.slug
            and shared.auth_method = c.auth_method
        where i.org_id = p_org_id and i.slug = v_source.integration_slug and c.account_key = any(p_accounts)
            and c.status <> 'disconnected' and c.enabled and n.status = 'enabled'
            and not exists (
                select from hub.oauth_clients own
                where own.org_id = c.org_id and own.instance_id = n.id and own.auth_method = c.auth_method
            )
        order by c.org_id, n.id
    loop
        insert into hub.inbound_sources (
            org_id, name, scheme, config, token_digest, route, instance_id, fed, size_limit
        ) values (
            v_target.org_id, left(v_target.name, 180) || ' (passed on)', v_source.scheme, v_source.config,
            sha256(gen_random_uuid()::text::bytea), 'connector', v_target.instance_id, true, v_source.size_limit
        ) on conflict (org_id, instance_id) where fed do nothing;
        select * into v_fed from hub.inbound_sources s
        where s.org_id = v_target.org_id and s.instance_id = v_target.instance_id and s.fed;
        if v_fed.status = 'enabled' then
            perform hub.store_inbound_message(
                v_target.org_id, v_fed.id, hub.uuidv7(), coalesce(v_message.provider_event_id, v_message.id::text),
                p_seen_until, v_message.method, v_message.query, v_message.headers, v_message.body, 'verified'
            );
        end if;
        v_count := v_count + 1;
    end loop;
    if v_count > 0 then
        update hub.inbound_messages m
        set state = 'processed', leased = false, passed_on = v_count, body = '', query = '', headers = '[]', error = null
        where m.org_id = p_org_id and m.id = p_message_id;
    end if;
    return v_count;
end
$$;
alter function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) owner to hub_definer;
revoke execute on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) from public;
grant execute on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) to hub_worker;
comment on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) is
    'Pass a message on to the organizations whose connected accounts it is about, and keep no copy of its body.';


-- ======== schema/55_inbound/555_inbound_subscriptions.sql

-- A provider's promise to send what happens to an account, which has to be asked for and, with most, renewed before it
-- ends. A worker does both. What the provider is told to send to, with the secret its messages are to bear, is sealed:
-- renewing takes it again.
--
--   status   pending -> active <-> failing -> (expired at the provider, made anew) active
--            cancelling: it is ended at the provider, and then it is gone with its source
create table hub.inbound_subscriptions (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    source_id uuid not null,
    wanted text[] not null default '{}' check (cardinality(wanted) <= 20),
    sealed bytea not null,
    status text not null default 'pending' check (status in ('pending', 'active', 'failing', 'cancelling')),
    kept jsonb check (jsonb_typeof(kept) = 'object' and octet_length(kept::text) <= 16384),
    expires_at timestamptz,
    renewed_at timestamptz,
    due_at timestamptz not null default now(),
    fence integer not null default 0,
    failures integer not null default 0,
    error_code text check (length(error_code) <= 60),
    error text check (length(error) <= 500),
    created_by text check (length(created_by) <= 200),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    foreign key (org_id, source_id) references hub.inbound_sources (org_id, id) on delete cascade,
    check (status <> 'active' or kept is not null)
);

create unique index inbound_subscriptions_wanted_key on hub.inbound_subscriptions (org_id, connection_id, wanted)
    where status <> 'cancelling';
create index inbound_subscriptions_source_idx on hub.inbound_subscriptions (org_id, source_id);
-- While one is leased `due_at` is the end of its lease.
create index inbound_subscriptions_due_idx on hub.inbound_subscriptions (due_at);

alter table hub.inbound_subscriptions enable row level security;
alter table hub.inbound_subscriptions force row level security;

create policy tenant on hub.inbound_subscriptions to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_subscriptions to hub_definer using (true) with check (true);

grant select, insert, delete, update (status, due_at, updated_at) on hub.inbound_subscriptions to hub_app;
grant select, delete, update (
    status, kept, expires_at, renewed_at, due_at, failures, error_code, error, updated_at
) on hub.inbound_subscriptions to hub_worker;
grant select (
    org_id, id, connection_id, source_id, wanted, status, expires_at, renewed_at, due_at, failures, error_code, error,
    created_by, created_at, updated_at
) on hub.inbound_subscriptions to hub_readonly;
grant select, update (due_at, fence) on hub.inbound_subscriptions to hub_definer;
comment on table hub.inbound_subscriptions is 'Subscriptions at providers: made, renewed and ended by a worker.';
comment on column hub.inbound_subscriptions.wanted is 'What of the account is to be told, in the integration''s words.';
comment on column hub.inbound_subscriptions.sealed is 'The address that the provider sends to and the secret it sends along.';
comment on column hub.inbound_subscriptions.kept is 'What the provider called it: renewing and ending take that.';


-- Take subscriptions in hand that are to be made, renewed or ended, 16 at most, for the length of the lease.
create function hub.claim_subscriptions(p_lease interval) returns setof hub.inbound_subscriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select s.org_id, s.id from hub.inbound_subscriptions s
        where s.due_at <= v_now order by s.due_at limit 16 for update skip locked
    )
    update hub.inbound_subscriptions s set due_at = v_now + p_lease, fence = s.fence + 1
    from picked p where s.org_id = p.org_id and s.id = p.id
    returning s.*;
end
$$;
alter function hub.claim_subscriptions(interval) owner to hub_definer;
revoke execute on function hub.claim_subscriptions(interval) from public;
grant execute on function hub.claim_subscriptions(interval) to hub_worker;
comment on function hub.claim_subscriptions(interval) is 'Lease due subscriptions to a worker.';


-- ======== schema/55_inbound/556_inbound_pulls.sql

-- The sources of the scheme `pulled`: a worker fetches their messages from a queue, keeps them like any that were posted,
-- and tells the queue only then. What the queue is, is in the source's configuration; its credential is its secret.
create table hub.inbound_pulls (
    org_id uuid not null,
    source_id uuid not null,
    status text not null default 'active' check (status in ('active', 'failing')),
    due_at timestamptz not null default now(),
    fence integer not null default 0,
    failures integer not null default 0,
    error_code text check (length(error_code) <= 60),
    error text check (length(error) <= 500),
    fetched bigint not null default 0,
    fetched_at timestamptz,
    primary key (org_id, source_id),
    foreign key (org_id, source_id) references hub.inbound_sources (org_id, id) on delete cascade
);

-- While one is leased `due_at` is the end of its lease.
create index inbound_pulls_due_idx on hub.inbound_pulls (due_at);

alter table hub.inbound_pulls enable row level security;
alter table hub.inbound_pulls force row level security;

create policy tenant on hub.inbound_pulls to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_pulls to hub_definer using (true) with check (true);

grant select, insert, update (due_at) on hub.inbound_pulls to hub_app;
grant select, update (status, due_at, failures, error_code, error, fetched, fetched_at) on hub.inbound_pulls to hub_worker;
grant select on hub.inbound_pulls to hub_readonly;
grant select, update (due_at, fence) on hub.inbound_pulls to hub_definer;
comment on table hub.inbound_pulls is 'How fetching from the queues of sources of the scheme pulled stands.';
comment on column hub.inbound_pulls.fetched is 'Messages that were fetched and kept, repetitions included.';


-- Take queues in hand that are to be asked, for the length of the lease, with the newest live credential of each.
create function hub.claim_pulls(p_lease interval, p_limit integer)
returns table (
    org_id uuid, source_id uuid, config jsonb, status text, failures integer, fence integer, secret_id uuid, sealed bytea
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select p.org_id, p.source_id, s.config
        from hub.inbound_pulls p
        join hub.inbound_sources s on s.org_id = p.org_id and s.id = p.source_id and s.status = 'enabled'
        join hub.organizations o on o.id = p.org_id and o.suspended_at is null
        where p.due_at <= v_now
        order by p.due_at
        limit p_limit
        for update of p skip locked
    ), taken as (
        update hub.inbound_pulls p set due_at = v_now + p_lease, fence = p.fence + 1
        from picked k where p.org_id = k.org_id and p.source_id = k.source_id
        returning p.org_id, p.source_id, k.config, p.status, p.failures, p.fence
    )
    select t.*, k.id, k.sealed
    from taken t
    left join lateral (
        select x.id, x.sealed from hub.inbound_source_secrets x
        where x.org_id = t.org_id and x.source_id = t.source_id and (x.expires_at is null or x.expires_at > v_now)
        order by x.id desc limit 1
    ) k on true;
end
$$;
alter function hub.claim_pulls(interval, integer) owner to hub_definer;
revoke execute on function hub.claim_pulls(interval, integer) from public;
grant execute on function hub.claim_pulls(interval, integer) to hub_worker;
comment on function hub.claim_pulls(interval, integer) is 'Lease queues that are to be asked for messages to a worker.';


-- ======== schema/60_sync/610_data_sync_configurations.sql

-- A sync: a configured pairing of a source stream and a destination stream. A side without a connection is the hub's
-- own record store.
create table hub.data_sync_configurations (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    name text not null check (length(name) between 1 and 200),
    source_connection_id uuid,
    source_stream text not null check (length(source_stream) between 1 and 200),
    destination_connection_id uuid,
    destination_stream text not null check (length(destination_stream) between 1 and 200),
    direction text not null check (direction in ('import', 'export', 'bidirectional')),
    mapping jsonb not null default '{}' check (jsonb_typeof(mapping) = 'object'),
    mapping_version integer not null default 1 check (mapping_version > 0),
    filter text check (length(filter) <= 10000),
    match_keys text[] not null default '{}',
    schedule jsonb not null default '{"kind": "manual"}' check (schedule ->> 'kind' in ('manual', 'cron', 'interval', 'event', 'after')),
    conflict_policy text not null default 'manual'
        check (conflict_policy in ('source_wins', 'destination_wins', 'newest_wins', 'merge', 'expression', 'manual')),
    delete_policy text not null default 'ignore' check (delete_policy in ('ignore', 'propagate', 'mark')),
    overlap_policy text not null default 'skip' check (overlap_policy in ('skip', 'queue')),
    limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
    status text not null default 'draft' check (status in ('draft', 'active', 'paused', 'failing')),
    status_reason text check (length(status_reason) <= 500),
    cursors jsonb not null default '{}' check (jsonb_typeof(cursors) = 'object'),
    next_run_at timestamptz,
    last_run_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, name),
    foreign key (org_id, source_connection_id) references hub.api_connections (org_id, id),
    foreign key (org_id, destination_connection_id) references hub.api_connections (org_id, id),
    check (source_connection_id is not null or destination_connection_id is not null)
);

create index data_sync_configurations_due_idx on hub.data_sync_configurations (org_id, next_run_at) where next_run_at is not null;

alter table hub.data_sync_configurations enable row level security;
alter table hub.data_sync_configurations force row level security;

create policy tenant on hub.data_sync_configurations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert, update, delete on hub.data_sync_configurations to hub_app;
grant select, update (status, status_reason, cursors, next_run_at, last_run_at, updated_at)
    on hub.data_sync_configurations to hub_worker;
grant select on hub.data_sync_configurations to hub_tenant, hub_readonly;
comment on table hub.data_sync_configurations is 'Syncs: configured pairings of two streams.';
comment on column hub.data_sync_configurations.cursors is 'Per side, up to where everything has been read and written.';


-- ======== schema/60_sync/620_sync_execution_logs.sql

-- A run: one execution of a sync, with its stage, counts and checkpoint. Leased and fenced like a delivery, so that a
-- worker that died gives it back by doing nothing and one that comes back too late changes nothing.
create table hub.sync_execution_logs (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    cause text not null check (cause in ('schedule', 'event', 'notification', 'request', 'retry', 'backfill', 'undo')),
    state text not null default 'queued'
        check (state in ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled', 'held')),
    stage text check (stage in ('read', 'map', 'reconcile', 'write', 'sweep')),
    dry_run boolean not null default false,
    read_count bigint not null default 0 check (read_count >= 0),
    created_count bigint not null default 0 check (created_count >= 0),
    updated_count bigint not null default 0 check (updated_count >= 0),
    deleted_count bigint not null default 0 check (deleted_count >= 0),
    skipped_count bigint not null default 0 check (skipped_count >= 0),
    failed_count bigint not null default 0 check (failed_count >= 0),
    conflict_count bigint not null default 0 check (conflict_count >= 0),
    api_calls bigint not null default 0 check (api_calls >= 0),
    checkpoint jsonb not null default '{}' check (jsonb_typeof(checkpoint) = 'object'),
    mapping_version integer not null,
    error_code text check (length(error_code) <= 100),
    error_detail text check (length(error_detail) <= 1000),
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    started_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    check ((ended_at is null) = (state in ('queued', 'running', 'held')))
);

create index sync_execution_logs_sync_idx on hub.sync_execution_logs (org_id, sync_id, id);
create index sync_execution_logs_due_idx on hub.sync_execution_logs (org_id, due_at) where state in ('queued', 'running');

alter table hub.sync_execution_logs enable row level security;
alter table hub.sync_execution_logs force row level security;

create policy tenant on hub.sync_execution_logs to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert, update (state, due_at, ended_at) on hub.sync_execution_logs to hub_app;
grant select, insert, update on hub.sync_execution_logs to hub_worker;
grant select on hub.sync_execution_logs to hub_tenant, hub_readonly;
comment on table hub.sync_execution_logs is 'Runs: executions of syncs.';
comment on column hub.sync_execution_logs.checkpoint is 'From where a run that was killed goes on; never ahead of what is written.';


-- ======== schema/60_sync/630_sync_links.sql

-- A link: the pair of ids that a sync holds equal, with the values both sides last agreed on. What differs from them
-- has changed since, and on which side.
create table hub.sync_links (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    source_key text check (length(source_key) between 1 and 500),
    destination_key text check (length(destination_key) between 1 and 500),
    agreed jsonb not null default '{}' check (jsonb_typeof(agreed) = 'object'),
    source_version text check (length(source_version) <= 500),
    destination_version text check (length(destination_version) <= 500),
    deleted_on text check (deleted_on in ('source', 'destination', 'both')),
    last_run_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, sync_id, source_key),
    unique (org_id, sync_id, destination_key),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    check (source_key is not null or destination_key is not null)
);

alter table hub.sync_links enable row level security;
alter table hub.sync_links force row level security;

create policy tenant on hub.sync_links to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, delete on hub.sync_links to hub_app;
grant select, insert, update, delete on hub.sync_links to hub_worker;
grant select on hub.sync_links to hub_readonly;
comment on table hub.sync_links is 'Pairs of records that a sync holds equal, with the values last agreed on.';
comment on column hub.sync_links.source_version is 'What the provider calls this state (etag, revision): our own write is known by it.';


-- ======== schema/60_sync/640_sync_conflicts.sql

-- A conflict: both sides changed the same field since the last agreement. The losing value is kept, so that a decision
-- can be undone.
create table hub.sync_conflicts (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sync_id uuid not null,
    link_id uuid not null,
    run_id uuid not null,
    field text not null check (length(field) between 1 and 500),
    agreed_value jsonb,
    source_value jsonb,
    destination_value jsonb,
    state text not null default 'open' check (state in ('open', 'resolved', 'undone')),
    resolution text check (resolution in ('source', 'destination', 'merged', 'edited')),
    resolved_value jsonb,
    resolved_by text check (length(resolved_by) <= 200),
    created_at timestamptz not null default now(),
    resolved_at timestamptz,
    primary key (org_id, id),
    foreign key (org_id, sync_id) references hub.data_sync_configurations (org_id, id) on delete cascade,
    foreign key (org_id, link_id) references hub.sync_links (org_id, id) on delete cascade,
    foreign key (org_id, run_id) references hub.sync_execution_logs (org_id, id) on delete cascade,
    check ((state = 'open') = (resolution is null)),
    check ((state = 'open') = (resolved_at is null))
);

create unique index sync_conflicts_open_idx on hub.sync_conflicts (org_id, link_id, field) where state = 'open';
create index sync_conflicts_sync_idx on hub.sync_conflicts (org_id, sync_id, state, id);

alter table hub.sync_conflicts enable row level security;
alter table hub.sync_conflicts force row level security;

create policy tenant on hub.sync_conflicts to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, update (state, resolution, resolved_value, resolved_by, resolved_at) on hub.sync_conflicts to hub_app;
grant select, insert, update on hub.sync_conflicts to hub_worker;
grant select on hub.sync_conflicts to hub_readonly;
comment on table hub.sync_conflicts is 'Fields that both sides changed since the last agreement.';


-- ======== schema/70_analytics/710_integration_usage_analytics.sql

-- What was used, counted and timed, as it happened; summed up by what is built on it. Partitioned by week on its
-- time-ordered id, and without foreign keys, so that noting a use never waits for anything.
create table hub.integration_usage_analytics (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    metric text not null check (metric ~ '^[a-z][a-z0-9_.]{0,79}$'),
    quantity bigint not null default 1 check (quantity >= 0),
    integration_id uuid,
    connection_id uuid,
    outcome text not null default 'ok' check (outcome in ('ok', 'error')),
    duration_ms integer check (duration_ms >= 0),
    dimensions jsonb not null default '{}' check (jsonb_typeof(dimensions) = 'object' and octet_length(dimensions::text) <= 4096),
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    primary key (org_id, id)
) partition by range (id);
create table hub.integration_usage_analytics_rest partition of hub.integration_usage_analytics default;

create index integration_usage_analytics_metric_idx on hub.integration_usage_analytics (org_id, metric, occurred_at);

alter table hub.integration_usage_analytics enable row level security;
alter table hub.integration_usage_analytics force row level security;
alter table hub.integration_usage_analytics_rest enable row level security;
alter table hub.integration_usage_analytics_rest force row level security;

create policy tenant on hub.integration_usage_analytics to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.integration_usage_analytics to hub_definer using (true) with check (true);

grant select on hub.integration_usage_analytics to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.integration_usage_analytics to hub_definer;
comment on table hub.integration_usage_analytics is 'What was used, counted and timed.';
comment on column hub.integration_usage_analytics.occurred_at is 'When it was used; may lie before recorded_at, since notes arrive late.';


-- Note a use, in the caller's own transaction. Who may: an organization for itself, the hub's own processes, and
-- members of hub_publisher for any organization. Answers the note's id.
create function hub.log_integration_usage(
    p_org_id uuid, p_metric text, p_quantity bigint default 1, p_integration_id uuid default null,
    p_connection_id uuid default null, p_outcome text default 'ok', p_duration_ms integer default null,
    p_dimensions jsonb default '{}', p_occurred_at timestamptz default now()
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := hub.uuidv7();
begin
    if p_org_id is distinct from hub.current_org()
        and not pg_has_role(hub.calling_role(), 'hub_publisher', 'usage')
        and not pg_has_role(hub.calling_role(), 'hub_app', 'usage')
        and not pg_has_role(hub.calling_role(), 'hub_worker', 'usage')
    then
        raise exception 'you may note the use of your own organization only' using
            errcode = 'insufficient_privilege',
            hint = 'Connect as the organization''s own login, or grant hub_publisher to your role.';
    end if;
    if p_metric is null or p_metric !~ '^[a-z][a-z0-9_.]{0,79}$' then
        raise exception 'the metric must be 1 to 80 lower-case letters, digits, _ and dots' using
            errcode = 'invalid_parameter_value', hint = 'For example: api.calls';
    end if;
    if p_quantity is null or p_quantity < 0 or p_duration_ms < 0 then
        raise exception 'a quantity or duration is not negative' using errcode = 'invalid_parameter_value';
    end if;
    if p_outcome is null or p_outcome not in ('ok', 'error') then
        raise exception 'the outcome is ok or error' using errcode = 'invalid_parameter_value';
    end if;
    if p_dimensions is null or jsonb_typeof(p_dimensions) <> 'object' or octet_length(p_dimensions::text) > 4096 then
        raise exception 'the dimensions are a JSON object of at most 4096 bytes' using errcode = 'invalid_parameter_value';
    end if;
    if p_occurred_at is null or p_occurred_at > now() + interval '5 minutes' then
        raise exception 'the use lies in the future' using errcode = 'invalid_parameter_value';
    end if;
    if not exists (select from hub.organizations o where o.id = p_org_id) then
        raise exception 'there is no such organization' using
            errcode = 'no_data_found', hint = 'Pass the id (a UUID) of an organization of this hub.';
    end if;
    insert into hub.integration_usage_analytics
        (org_id, id, metric, quantity, integration_id, connection_id, outcome, duration_ms, dimensions, occurred_at)
    values
        (p_org_id, v_id, p_metric, p_quantity, p_integration_id, p_connection_id, p_outcome, p_duration_ms, p_dimensions, p_occurred_at);
    return v_id;
end
$$;
alter function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) owner to hub_definer;
revoke execute on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) from public;
grant execute on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz)
    to hub_tenant, hub_publisher, hub_app, hub_worker;
comment on function hub.log_integration_usage(uuid, text, bigint, uuid, uuid, text, integer, jsonb, timestamptz) is
    'Note a use in the caller''s own transaction; answers its id.';


-- ======== schema/80_partitions/810_partitions.sql

-- Weekly partitions, made ahead of time. Every table of facts is range-partitioned by a time-ordered id and has a
-- default partition, so that nothing is ever refused for want of one; this finds them all in the catalog.
--
-- Both run as the owner of the tables, who alone may add partitions; a partition gets no grants (it is reached through
-- its parent) and row-level security of its own, without a policy: whoever addresses it directly sees nothing.

-- One week of one table, if it is not there yet. It is filled with what the default partition took while it was
-- missing (else PostgreSQL refuses it for ever), and attached rather than created as a partition: that way nobody who
-- writes to or reads from other weeks waits for it.
create function hub.add_partition(p_parent oid, p_week timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name text;
    v_parent text := p_parent::regclass::text;
    v_rest text;
    v_key text;
    v_from uuid := hub.uuidv7_floor(p_week);
    v_to uuid := hub.uuidv7_floor(p_week + interval '7 days');
begin
    select c.relname || to_char(p_week at time zone 'UTC', '"_y"IYYY"w"IW'), p.partdefid::regclass::text, quote_ident(a.attname)
    into v_name, v_rest, v_key
    from pg_partitioned_table p
    join pg_class c on c.oid = p.partrelid
    join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = p_parent;
    if to_regclass(format('hub.%I', v_name)) is not null then
        return false;
    end if;
    execute format(
        'create table hub.%I (like %s including defaults including constraints including storage including compression)',
        v_name, v_parent
    );
    execute format('comment on table hub.%I is %L', v_name, 'One week of ' || split_part(v_parent, '.', 2) || '.');
    execute format('lock table %s in access exclusive mode', v_rest);
    -- Forced row-level security hides the rows from their own owner. Nobody else gets in between: the table is locked.
    execute format('alter table %s no force row level security', v_rest);
    execute format(
        'with moved as (delete from %1$s r where r.%2$s >= %3$L and r.%2$s < %4$L returning r.*)'
        ' insert into hub.%5$I select * from moved',
        v_rest, v_key, v_from, v_to, v_name
    );
    execute format('alter table %s force row level security', v_rest);
    execute format('alter table hub.%I enable row level security', v_name);
    execute format('alter table hub.%I force row level security', v_name);
    execute format('alter table %s attach partition hub.%I for values from (%L) to (%L)', v_parent, v_name, v_from, v_to);
    return true;
end
$$;
revoke execute on function hub.add_partition(oid, timestamptz) from public;
comment on function hub.add_partition(oid, timestamptz) is 'Make one weekly partition if it is missing; answers whether it was.';


-- All weeks of all tables, from the current one to the one that `p_until` lies in.
create function hub.add_partitions(p_until timestamptz) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = 0
as $$
declare
    v_parent oid;
    v_week timestamptz;
    v_count integer := 0;
begin
    if p_until is null or not isfinite(p_until) or p_until > now() + interval '2 years' then
        raise exception 'partitions are made for two years ahead at most' using errcode = 'invalid_parameter_value';
    end if;
    -- Any two processes that add partitions must agree on this number; it has no other meaning.
    perform pg_advisory_xact_lock(79213660127837);
    -- Whoever comes to the default partition while this waits for it has to wait too. So it does not wait long (less
    -- than `deadlock_timeout`: in a deadlock it is this that gives way) and leaves the week to the next call.
    perform set_config('lock_timeout', '500ms', true);
    for v_parent in
        select c.oid
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_partitioned_table p on p.partrelid = c.oid
        where n.nspname = 'hub' and p.partstrat = 'r' and p.partdefid <> 0
        order by c.relname
    loop
        v_week := date_trunc('week', now() at time zone 'UTC') at time zone 'UTC';
        while v_week <= p_until loop
            begin
                v_count := v_count + hub.add_partition(v_parent, v_week)::integer;
            exception when lock_not_available then
                raise warning '% is in use: its week of % is left to the next call', v_parent::regclass, v_week at time zone 'UTC';
                exit;
            end;
            v_week := v_week + interval '7 days';
        end loop;
    end loop;
    return v_count;
end
$$;
revoke execute on function hub.add_partitions(timestamptz) from public;
grant execute on function hub.add_partitions(timestamptz) to hub_worker;
comment on function hub.add_partitions(timestamptz) is 'Make the weekly partitions that are missing up to a time; answers how many.';


-- ======== schema/80_partitions/820_retention.sql

-- Weeks that nobody keeps any more are dropped whole, however much is in them: no row is looked at. `p_attempt_days` is
-- the deployment's default; a week goes when it is past that and past the longest that any organization has asked for.
-- Runs as the owner of the tables, who alone may drop them. Answers how many partitions went.
create function hub.drop_partitions(p_attempt_days integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = 0
as $$
declare
    v_days integer;
    v_floor uuid;
    v_part record;
    v_count integer := 0;
begin
    if p_attempt_days is null or p_attempt_days < 1 then
        raise exception 'attempts are kept for one day at least' using errcode = 'invalid_parameter_value';
    end if;
    if not pg_try_advisory_xact_lock(79213660127837) then
        return 0;
    end if;
    -- Forced row-level security hides the organizations' wishes from the owner of the table.
    v_days := greatest(p_attempt_days, hub.longest_retention());
    v_floor := hub.uuidv7_floor(now() - v_days * interval '1 day');
    perform set_config('lock_timeout', '500ms', true);
    for v_part in
        select c.relname as name, p.oid::regclass::text as parent
        from pg_partitioned_table t
        join pg_class p on p.oid = t.partrelid
        join pg_inherits i on i.inhparent = p.oid
        join pg_class c on c.oid = i.inhrelid
        where p.relnamespace = 'hub'::regnamespace and t.partstrat = 'r' and c.oid <> t.partdefid
            and p.relname in (
                'webhook_events', 'webhook_deliveries_ended', 'webhook_event_logs', 'webhook_event_attributes', 'inbound_messages',
                'connection_requests'
            )
            and (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([0-9a-f-]{36})''\)'))[1]::uuid <= v_floor
        order by c.relname
    loop
        begin
            execute format('alter table %s detach partition hub.%I', v_part.parent, v_part.name);
            execute format('drop table hub.%I', v_part.name);
            v_count := v_count + 1;
        exception when lock_not_available then
            raise warning '% is in use: its dropping is left to the next call', v_part.name;
        end;
    end loop;
    return v_count;
end
$$;
revoke execute on function hub.drop_partitions(integer) from public;
grant execute on function hub.drop_partitions(integer) to hub_worker;
comment on function hub.drop_partitions(integer) is 'Drop the weeks that nobody keeps any more; answers how many partitions went.';


-- The longest that any organization keeps what became of its events, in days; 0 if none has asked.
create function hub.longest_retention() returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(r.attempt_days), 0)::integer from hub.webhook_retention r
$$;
alter function hub.longest_retention() owner to hub_definer;
revoke execute on function hub.longest_retention() from public;
comment on function hub.longest_retention() is 'The longest that any organization keeps what became of its events, in days.';


-- Remove what organizations keep no longer than that from weeks that others still do, a batch at a time: messages and the
-- bodies of answers past `payload_days`, everything past `attempt_days`. A message that is still to be delivered stays for
-- another 30 days at most. Answers how many rows were changed or deleted.
create function hub.forget_payloads(p_payload_days integer, p_attempt_days integer, p_limit integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_org record;
    v_payload uuid;
    v_stuck uuid;
    v_attempt uuid;
    v_count bigint;
    v_total bigint := 0;
begin
    for v_org in
        select o.id, coalesce(r.payload_days, p_payload_days) as payload_days,
            coalesce(r.attempt_days, p_attempt_days) as attempt_days
        from hub.organizations o
        left join hub.webhook_retention r on r.org_id = o.id
    loop
        v_payload := hub.uuidv7_floor(now() - v_org.payload_days * interval '1 day');
        v_stuck := hub.uuidv7_floor(now() - (v_org.payload_days + 30) * interval '1 day');
        v_attempt := hub.uuidv7_floor(now() - v_org.attempt_days * interval '1 day');

        update hub.webhook_events e set body = null, expunged_at = now()
        from (
            select x.id from hub.webhook_events x
            where x.org_id = v_org.id and x.id < v_payload and x.body is not null
                and (x.id < v_stuck or not exists (
                    select from hub.webhook_deliveries d where d.open and d.org_id = x.org_id and d.event_id = x.id
                ))
            order by x.id limit p_limit
        ) as old
        where e.org_id = v_org.id and e.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        update hub.webhook_event_logs l set response_body = null
        from (
            select x.event_id, x.endpoint_id, x.id from hub.webhook_event_logs x
            where x.org_id = v_org.id and x.event_id < v_payload and x.response_body is not null
            order by x.event_id limit p_limit
        ) as old
        where l.org_id = v_org.id and l.event_id = old.event_id and l.endpoint_id = old.endpoint_id and l.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_event_logs l
        using (
            select x.event_id, x.endpoint_id, x.id from hub.webhook_event_logs x
            where x.org_id = v_org.id and x.event_id < v_attempt order by x.event_id limit p_limit
        ) as old
        where l.org_id = v_org.id and l.event_id = old.event_id and l.endpoint_id = old.endpoint_id and l.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_deliveries d
        using (
            select x.event_id, x.endpoint_id from hub.webhook_deliveries x
            where not x.open and x.org_id = v_org.id and x.event_id < v_attempt order by x.event_id limit p_limit
        ) as old
        where not d.open and d.org_id = v_org.id and d.event_id = old.event_id and d.endpoint_id = old.endpoint_id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_events e
        using (
            select x.id from hub.webhook_events x
            where x.org_id = v_org.id and x.id < v_attempt and x.body is null order by x.id limit p_limit
        ) as old
        where e.org_id = v_org.id and e.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
    end loop;
    return v_total;
end
$$;
alter function hub.forget_payloads(integer, integer, integer) owner to hub_definer;
revoke execute on function hub.forget_payloads(integer, integer, integer) from public;
grant execute on function hub.forget_payloads(integer, integer, integer) to hub_worker;
comment on function hub.forget_payloads(integer, integer, integer) is
    'Remove what single organizations keep no longer, a batch at a time; answers how many rows.';
