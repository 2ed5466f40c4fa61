-- name: insert_connect_session
-- A connect page.
insert into hub.connect_sessions (
    org_id, id, digest, instance_id, connection_id, anew, name, product, return_url, auth_methods, language, begun_by,
    expires_at
)
values ($1, $2, $3, $4, $5, $5::uuid is not null, $6, $7, $8, $9, $10, $11, now() + $12::interval)
returning created_at, expires_at;

-- name: open_connect_session
-- Whose page a token opens, by its digest.
select * from hub.open_connect_session($1::bytea);

-- name: connect_session_by_id
-- One connect page, without its digest.
select org_id, id, instance_id, connection_id, anew, name, product, return_url, auth_methods, language, browser_digest,
    steps, busy_until > now() as busy, problem, problem_detail, sealed_device, begun_by, created_at, expires_at,
    completed_at, closed_at, expires_at <= now() as expired
from hub.connect_sessions where org_id = $1 and id = $2;

-- name: begin_connect_step
-- Work on what was sent from a page: by one browser only, one thing at a time, and not for ever. What was wrong is past.
update hub.connect_sessions
set browser_digest = $3, busy_until = now() + $4::interval, steps = steps + 1, language = coalesce($5, language),
    problem = null, problem_detail = null, sealed_device = null
where org_id = $1 and id = $2 and (browser_digest is null or browser_digest = $3) and steps < $6::integer
    and (busy_until is null or busy_until < now()) and completed_at is null and closed_at is null and expires_at > now()
returning id;

-- name: end_connect_step
-- The step is over; what is wrong now, if anything.
update hub.connect_sessions
set busy_until = null, problem = $3, problem_detail = $4, sealed_device = $5
where org_id = $1 and id = $2;

-- name: begin_connect_landing
-- Look into what a browser brings back from the provider: once, whatever it is pressed meanwhile.
update hub.connect_sessions set busy_until = now() + $3::interval, problem = null, problem_detail = null
where org_id = $1 and id = $2 and (busy_until is null or busy_until < now()) and completed_at is null
returning id;

-- name: extend_connect_session
-- Whoever is on the way to the provider finds the page again.
update hub.connect_sessions set expires_at = greatest(expires_at, now() + $3::interval) where org_id = $1 and id = $2;

-- name: set_connect_connection
-- The connection that a page has made.
update hub.connect_sessions set connection_id = $3 where org_id = $1 and id = $2;

-- name: complete_connect_session
-- The account works: the page has done what it was for.
update hub.connect_sessions
set completed_at = coalesce(completed_at, clock_timestamp()), problem = null, problem_detail = null, sealed_device = null,
    busy_until = null
where org_id = $1 and id = $2
returning id;

-- name: close_connect_session
-- Take a page back.
update hub.connect_sessions set closed_at = coalesce(closed_at, clock_timestamp()) where org_id = $1 and id = $2;

-- name: forget_abandoned_connections
-- Connections that pages made which are over, and that nobody ever authorized: of one page where it is given.
delete from hub.api_connections c using hub.connect_sessions s
where s.org_id = $1 and ($2::uuid is null or s.id = $2) and not s.anew and s.completed_at is null
    and (s.closed_at is not null or s.expires_at < now())
    and c.org_id = $1 and c.id = s.connection_id and c.status = 'pending';

-- name: organization_name
-- What an organization is called.
select name from hub.organizations where id = $1;

-- name: credential_versions
-- A number that changes whenever a connection gets a new credential.
select coalesce(sum(version), 0)::bigint from hub.connection_credentials where org_id = $1 and connection_id = $2;

-- name: device_flow_open
-- Whether a code is still to be typed in.
select exists (select from hub.device_flows where org_id = $1 and connection_id = $2 and expires_at > now());
