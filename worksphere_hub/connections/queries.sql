-- name: insert_connection
-- Create a connection; nothing when the organization has as many as it may have.
insert into hub.api_connections (org_id, id, instance_id, name, auth_method, auth_type, requested_scopes, status, created_by)
select $1, $2, $3, $4, $5, $6, $7, $8, $9
where (select count(*) from hub.api_connections where org_id = $1) < $10
returning *;

-- name: connection_by_id
-- One connection.
select * from hub.api_connections where org_id = $1 and id = $2;

-- name: connection_for_change
-- One connection, locked until the transaction ends.
select * from hub.api_connections where org_id = $1 and id = $2 for update;

-- name: list_connections
-- A page of connections, newest first, before the cursor; by instance and status where given.
select * from hub.api_connections
where org_id = $1 and ($2::uuid is null or id < $2) and ($3::uuid is null or instance_id = $3)
    and ($4::text is null or status = $4)
order by id desc limit $5;

-- name: update_connection
-- Change a connection's name and whether it is enabled.
update hub.api_connections set name = $3, enabled = $4, updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *;

-- name: set_requested_scopes
-- Choose what an account's owner is asked for.
update hub.api_connections set requested_scopes = $3, updated_at = clock_timestamp() where org_id = $1 and id = $2;

-- name: delete_connection
-- Delete a connection with everything that hangs on it.
delete from hub.api_connections where org_id = $1 and id = $2;

-- name: set_status
-- What a connection's state is, and why. Its next check is due when the interval given is over; never without one.
update hub.api_connections
set status = $3, status_code = $4, status_reason = $5, updated_at = clock_timestamp(),
    check_due_at = now() + $6::interval
where org_id = $1 and id = $2
returning *;

-- name: set_scopes
-- What was granted, and what of the required is missing.
update hub.api_connections set granted_scopes = $3, missing_scopes = $4 where org_id = $1 and id = $2;

-- name: set_account
-- Whose account it is, as the provider says; what it does not say stays.
update hub.api_connections
set account_key = coalesce($3, account_key), account_label = coalesce($4, account_label)
where org_id = $1 and id = $2;

-- name: set_health
-- What the last check or renewal said.
update hub.api_connections
set health = $3, health_code = $4, health_reason = $5, checked_at = coalesce($6, checked_at),
    health_since = case when health = $3 then health_since else clock_timestamp() end
where org_id = $1 and id = $2;

-- name: insert_health
-- Note a change of health.
insert into hub.connection_health (org_id, connection_id, health, code, reason) values ($1, $2, $3, $4, $5);

-- name: list_health
-- A page of how a connection's health changed, newest first, before the cursor.
select * from hub.connection_health
where org_id = $1 and connection_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4;

-- name: set_blocked
-- The provider asked not to be called for so many milliseconds.
update hub.api_connections set blocked_until = clock_timestamp() + $3::bigint * interval '1 millisecond'
where org_id = $1 and id = $2;

-- name: integration_is_public
-- Whether everybody may install this version of an integration.
select visibility = 'public' from hub.integrations where org_id = $1 and id = $2;

-- name: integration_comes_with_the_hub
-- Whether a version is offered to everybody by whoever runs the hub.
select visibility = 'public' and org_id = hub.operator_organization()
from hub.integrations where org_id = $1 and id = $2;

-- name: list_expiries
-- What of an organization's connections ends by itself before a time: grants, refresh tokens that lie idle, client
-- secrets. At most 500, the soonest first.
select * from (
    select 'grant' as kind, k.connection_id, c.name, k.slot, null::uuid as client, k.grant_expires_at as expires_at
    from hub.connection_credentials k join hub.api_connections c on c.org_id = k.org_id and c.id = k.connection_id
    where k.org_id = $1 and k.grant_expires_at is not null and k.dead_at is null
    union all
    select 'idle', k.connection_id, c.name, k.slot, null, k.obtained_at + k.idle_seconds * interval '1 second'
    from hub.connection_credentials k join hub.api_connections c on c.org_id = k.org_id and c.id = k.connection_id
    where k.org_id = $1 and k.idle_seconds is not null and k.dead_at is null
    union all
    select 'client_secret', null, o.client_id, null, o.id, o.secret_expires_at
    from hub.oauth_clients o where o.org_id = $1 and o.secret_expires_at is not null
    union all
    select 'subscription', s.connection_id, c.name, null, null, s.expires_at
    from hub.inbound_subscriptions s join hub.api_connections c on c.org_id = s.org_id and c.id = s.connection_id
    where s.org_id = $1 and s.expires_at is not null and s.status <> 'cancelling'
) as ends
where expires_at < $2 order by expires_at limit 500;

-- name: list_requests
-- A page of calls made through a connection, newest first, before the cursor.
select * from hub.connection_requests
where org_id = $1 and connection_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4;

-- name: record_requests
-- Note calls, many at once.
select hub.record_connection_requests($1::jsonb);

-- name: take_rate_budgets
-- Take a token of each budget, or answer how many milliseconds to wait.
select hub.take_rate_budgets($1::uuid, $2::bytea[], $3::double precision[], $4::double precision[]);

-- name: correct_rate_budget
-- Correct a budget by what the provider says.
select hub.correct_rate_budget($1::uuid, $2::bytea, $3::double precision, $4::bigint);

-- name: forget_connection_history
-- Delete old checks and changes of health, a batch at a time.
select hub.forget_connection_history($1::integer);

-- name: forget_rate_budgets
-- Delete budgets that are full again.
select hub.forget_rate_budgets();

-- name: forget_previous_credentials
-- Drop credentials that were replaced some minutes ago.
select hub.forget_previous_credentials();

