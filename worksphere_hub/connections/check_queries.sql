-- name: insert_check
-- Begin a check; it is due to the workers only when the lease of whoever begins it is over.
insert into hub.connection_checks (org_id, id, connection_id, cause, requested_by, attempts, fence, due_at)
values ($1, $2, $3, $4, $5, 1, 1, now() + $6::interval);

-- name: claim_checks
-- Take due checks of all organizations in hand.
select * from hub.claim_connection_checks($1::interval);

-- name: schedule_checks
-- Enqueue the checks whose time has come.
select hub.schedule_connection_checks($1::interval);

-- name: check_soon
-- Have a connection tested at the next opportunity, if it is tested at all.
update hub.api_connections set check_due_at = least(check_due_at, now())
where org_id = $1 and id = $2 and check_due_at is not null;

-- name: check_refused
-- Have a connection tested since a call's credential was refused; not twice within the interval, nor of a new credential.
update hub.api_connections c set check_due_at = w.at
from (
    select greatest(now(), o.checked_at + $3::interval, $3::interval + max(h.obtained_at)) as at
    from hub.api_connections o
    left join hub.connection_credentials h on h.org_id = o.org_id and h.connection_id = o.id
    where o.org_id = $1 and o.id = $2
    group by o.checked_at
) w
where c.org_id = $1 and c.id = $2 and c.status = 'connected' and c.check_due_at > w.at;

-- name: finish_check
-- Write down how a check ended, if it is still one's own.
update hub.connection_checks
set state = 'done', outcome = $4, code = $5, reason = $6, status = $7, duration_ms = $8, finished_at = clock_timestamp()
where org_id = $1 and id = $2 and fence = $3 and state = 'queued'
returning *;

-- name: check_by_id
-- One check of a connection.
select * from hub.connection_checks where org_id = $1 and connection_id = $2 and id = $3;

-- name: list_checks
-- A page of a connection's checks, newest first, before the cursor.
select * from hub.connection_checks
where org_id = $1 and connection_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4;

