-- name: find_api_key
-- A live key by its public half, with what is needed to check and limit it.
select * from hub.find_api_key($1);

-- name: touch_api_keys
-- Note when keys were last used.
select hub.touch_api_keys($1::uuid[], $2::uuid[], $3::timestamptz[]);

-- name: find_session
-- A live session by the digest of its token.
select * from hub.find_session($1);

-- name: organization_is_open
-- Whether there is such an organization and it is not suspended.
select hub.organization_is_open($1);

-- name: insert_audit
-- Write an entry of the audit log.
insert into hub.audit_log (
    org_id, actor_kind, actor_id, acting_org_id, action, target_kind, target_id, result, changes, ip, user_agent, request_id
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::inet, $11, $12);

-- name: list_audit
-- A page of the audit log, newest first, before the cursor; of one action where given.
select * from hub.audit_log
where org_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or action = $3)
order by id desc limit $4;

-- name: organization_keys
-- Every data key of an organization for one purpose.
select * from hub.organization_keys where org_id = $1 and purpose = $2 order by version;

-- name: insert_organization_key
-- Store a data key, unless its version is taken.
insert into hub.organization_keys (org_id, purpose, version, wrapped, master_key_id, state)
values ($1, $2, $3, $4, $5, $6) on conflict (org_id, purpose, version) do nothing;

-- name: organization_key
-- The data key that has this version.
select * from hub.organization_keys where org_id = $1 and purpose = $2 and version = $3;

-- name: stale_organization_keys
-- Data keys that another master key wraps, 500 at most.
select * from hub.stale_organization_keys($1);

-- name: rewrap_organization_key
-- Store a data key as the new master key wraps it, if nobody else has meanwhile.
select hub.rewrap_organization_key($1, $2, $3, $4, $5, $6);

-- name: drop_expired_answer
-- Make room for a new use of an Idempotency-Key whose time is over.
delete from hub.idempotency_keys where org_id = $1 and scope = 'request' and key = $2 and expires_at < now();

-- name: claim_answer
-- Take an Idempotency-Key: a free one, or one whose first request went a minute without an answer.
insert into hub.idempotency_keys as k (org_id, scope, key, request_hash, expires_at)
values ($1, 'request', $2, $3, now() + $4::interval)
on conflict (org_id, scope, key) do update set created_at = now()
where k.sealed_answer is null and k.request_hash = excluded.request_hash and k.created_at < now() - interval '60 seconds'
returning true;

-- name: claimed_answer
-- Who holds an Idempotency-Key, and the answer if there is one.
select request_hash, status, sealed_answer from hub.idempotency_keys
where org_id = $1 and scope = 'request' and key = $2;

-- name: finish_answer
-- Keep the answer of a claimed key; the first one stays.
update hub.idempotency_keys set status = $3, sealed_answer = $4
where org_id = $1 and scope = 'request' and key = $2 and sealed_answer is null;

-- name: abandon_answer
-- Give a claimed key back.
delete from hub.idempotency_keys where org_id = $1 and scope = 'request' and key = $2 and sealed_answer is null;

-- name: insert_organization
-- Create an organization; the transaction's context is its id.
insert into hub.organizations (id, slug, name, operator) values ($1, $2, $3, $4) returning *;

-- name: find_organization
-- The organization itself.
select * from hub.organizations where id = $1;

-- name: list_organizations
-- A page of all organizations, newest first, before the cursor; of one slug where given.
select * from hub.list_organizations($1, $2) limit $3;

-- name: lock_organization
-- The organization itself, for a change.
select * from hub.organizations where id = $1 for update;

-- name: update_organization
-- Rename an organization, suspend it or resume it.
update hub.organizations set name = $2, suspended_at = case when $3::boolean then coalesce(suspended_at, now()) end
where id = $1 returning *;

-- name: insert_built_in_role
-- Write one of the roles every organization begins with.
insert into hub.roles (org_id, name, permissions, built_in) values ($1, $2, $3, true);

-- name: insert_role
-- Create a role, unless there are too many.
insert into hub.roles (org_id, name, permissions)
select $1, $2, $3 where (select count(*) from hub.roles where org_id = $1 and not built_in) < $4::integer
returning *;

-- name: list_roles
-- All roles of an organization, the built-in ones first.
select * from hub.roles where org_id = $1 order by built_in desc, created_at, name;

-- name: find_role
-- One role.
select * from hub.roles where org_id = $1 and name = $2;

-- name: delete_role
-- Delete a role of an organization's own.
delete from hub.roles where org_id = $1 and name = $2 and not built_in;

-- name: insert_member
-- Make a person a member, unless it is one.
insert into hub.members (org_id, person_id, role) values ($1, $2, $3) on conflict (org_id, person_id) do nothing;

-- name: list_members
-- A page of members, newest person first, before the cursor.
select m.*, p.email, p.name from hub.members m join hub.people p on p.id = m.person_id
where m.org_id = $1 and ($2::uuid is null or m.person_id < $2) order by m.person_id desc limit $3;

-- name: find_member
-- One member.
select m.*, p.email, p.name from hub.members m join hub.people p on p.id = m.person_id
where m.org_id = $1 and m.person_id = $2;

-- name: find_member_by_email
-- Whether a person with this e-mail address is a member.
select m.person_id from hub.members m join hub.people p on p.id = m.person_id where m.org_id = $1 and p.email = $2;

-- name: lock_owners
-- The owners, held until the transaction ends: two who leave at once must not leave nobody.
select person_id from hub.members where org_id = $1 and role = 'owner' order by person_id for update;

-- name: lock_member
-- One member with what the role allows, for a change.
select m.person_id, m.role, r.permissions from hub.members m join hub.roles r on r.org_id = m.org_id and r.name = m.role
where m.org_id = $1 and m.person_id = $2 for update of m;

-- name: update_member
-- Give a member another role.
update hub.members set role = $3 where org_id = $1 and person_id = $2;

-- name: delete_member
-- Remove a member; the person's sessions here go along.
delete from hub.members where org_id = $1 and person_id = $2;

-- name: drop_expired_invitation
-- Make room for a new invitation of somebody whose old one is over.
delete from hub.invitations where org_id = $1 and email = $2 and expires_at < now();

-- name: insert_invitation
-- Invite somebody, unless there are too many invitations.
insert into hub.invitations (org_id, id, email, role, digest, invited_by, expires_at)
select $1, $2, $3, $4, $5, $6, now() + $7::interval
where (select count(*) from hub.invitations where org_id = $1) < $8::integer
returning org_id, id, email, role, invited_by, created_at, expires_at;

-- name: list_invitations
-- A page of open invitations, newest first, before the cursor.
select org_id, id, email, role, invited_by, created_at, expires_at from hub.invitations
where org_id = $1 and expires_at > now() and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: find_open_invitation
-- One open invitation with what its role allows.
select i.id, i.email, i.role, r.permissions from hub.invitations i
join hub.roles r on r.org_id = i.org_id and r.name = i.role
where i.org_id = $1 and i.id = $2 and i.expires_at > now();

-- name: delete_invitation
-- Take an invitation: back, or up.
delete from hub.invitations where org_id = $1 and id = $2;

-- name: delete_invitations_by
-- Take back what somebody has invited.
delete from hub.invitations where org_id = $1 and invited_by = $2;

-- name: find_invitation
-- A live invitation by the digest of its code.
select * from hub.find_invitation($1);

-- name: create_person
-- Create a person; null when the e-mail address is taken.
select hub.create_person($1, $2, $3);

-- name: find_login
-- The password hash and the organizations of a person who signs in.
select * from hub.find_login($1);

-- name: set_password
-- Replace a person's password hash, if it still is the one that was checked.
select hub.set_password($1, $2, $3);

-- name: end_sessions
-- Sign a person out everywhere but in one session.
select hub.end_sessions($1, $2);

-- name: insert_session
-- Note that a person is signed in.
insert into hub.sessions (org_id, id, person_id, digest, ip, user_agent, expires_at)
values ($1, $2, $3, $4, $5::inet, $6, now() + $7::interval);

-- name: list_sessions
-- A page of one person's live sessions here, newest first, before the cursor.
select org_id, id, person_id, ip, user_agent, created_at, seen_at, expires_at from hub.sessions
where org_id = $1 and person_id = $2 and expires_at > now() and seen_at > now() - interval '12 hours'
    and ($3::uuid is null or id < $3)
order by id desc limit $4;

-- name: describe_session
-- One live session with its person, role and organization.
select s.id, s.expires_at, s.person_id, p.email, p.name, m.role, r.permissions,
    o.id as org_id, o.slug, o.name as organization_name, o.operator
from hub.sessions s
join hub.members m on m.org_id = s.org_id and m.person_id = s.person_id
join hub.roles r on r.org_id = m.org_id and r.name = m.role
join hub.people p on p.id = s.person_id
join hub.organizations o on o.id = s.org_id
where s.org_id = $1 and s.person_id = $2 and s.id = $3 and s.expires_at > now();

-- name: delete_session
-- Sign one of a person's sessions out.
delete from hub.sessions where org_id = $1 and person_id = $2 and id = $3;

-- name: delete_sessions_of
-- Sign a person out of this organization.
delete from hub.sessions where org_id = $1 and person_id = $2;

-- name: insert_api_key
-- Store a new key, unless there are too many.
insert into hub.api_keys (org_id, id, key_id, name, digest, last4, scopes, created_by, rate_limit, expires_at)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10::interval
where (select count(*) from hub.api_keys where org_id = $1 and revoked_at is null and expires_at > now()) < $11::integer
returning org_id, id, key_id, name, last4, scopes, created_by, rate_limit, created_at, expires_at, last_used_at,
    revoked_at, expires_at < now() + interval '30 days' as expires_soon;

-- name: list_api_keys
-- A page of keys, newest first, before the cursor.
select org_id, id, key_id, name, last4, scopes, created_by, rate_limit, created_at, expires_at, last_used_at, revoked_at,
    revoked_at is null and expires_at > now() and expires_at < now() + interval '30 days' as expires_soon
from hub.api_keys where org_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: find_key
-- One key.
select org_id, id, key_id, name, last4, scopes, created_by, rate_limit, created_at, expires_at, last_used_at, revoked_at,
    revoked_at is null and expires_at > now() and expires_at < now() + interval '30 days' as expires_soon
from hub.api_keys where org_id = $1 and id = $2;

-- name: revoke_api_key
-- Revoke a key, once.
update hub.api_keys set revoked_at = now() where org_id = $1 and id = $2 and revoked_at is null;
