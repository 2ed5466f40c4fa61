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
