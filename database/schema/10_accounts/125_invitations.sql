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
