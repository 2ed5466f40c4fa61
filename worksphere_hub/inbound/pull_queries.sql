-- name: insert_pull
-- Have a source's queue asked for messages.
insert into hub.inbound_pulls (org_id, source_id) values ($1, $2);

-- name: pull_soon
-- Have a source's queue asked at the next opportunity.
update hub.inbound_pulls set due_at = least(due_at, now()) where org_id = $1 and source_id = $2;

-- name: pull_of_source
-- How fetching from a source's queue stands.
select * from hub.inbound_pulls where org_id = $1 and source_id = $2;

-- name: claim_pulls
-- Take queues in hand that are to be asked.
select * from hub.claim_pulls($1::interval, $2);

-- name: note_fetched
-- Count what was fetched and kept, if the queue is still one's own.
update hub.inbound_pulls set fetched = fetched + $4, fetched_at = clock_timestamp()
where org_id = $1 and source_id = $2 and fence = $3;

-- name: rest_pull
-- Note that a queue has been emptied for now, and when to ask again; `$5` is what of it could not be taken.
update hub.inbound_pulls
set status = 'active', failures = 0, error_code = $5, error = $6, due_at = clock_timestamp() + $4::interval
where org_id = $1 and source_id = $2 and fence = $3
returning source_id;

-- name: fail_pull
-- Note that a queue could not be asked, and when to try again.
update hub.inbound_pulls
set status = 'failing', failures = failures + 1, error_code = $5, error = $6, due_at = clock_timestamp() + $4::interval
where org_id = $1 and source_id = $2 and fence = $3
returning source_id;
