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
