-- name: retention_of
-- How long an organization keeps things, if it has decided that.
select payload_days, attempt_days from hub.webhook_retention where org_id = $1;

-- name: set_retention
-- Decide it.
insert into hub.webhook_retention (org_id, payload_days, attempt_days) values ($1, $2, $3)
on conflict (org_id) do update set
    payload_days = excluded.payload_days, attempt_days = excluded.attempt_days, updated_at = now();

-- name: forget_answers
-- Remove the bodies of what receivers answered to one event.
update hub.webhook_event_logs set response_body = null where org_id = $1 and event_id = $2 and response_body is not null;

-- name: hold_still
-- Keep the deliveries of an event from being recorded while its message is removed: one of the two sees the other.
select from hub.webhook_deliveries where org_id = $1 and event_id = $2 and open for update;

-- name: forget_inbound_of
-- Remove what a provider sent that became one event: it would tell the same.
select hub.forget_inbound_of($1::uuid, $2::uuid);

-- name: call_off_event
-- End what is still to be delivered of an event whose message was removed, except what a worker has in hand.
update hub.webhook_deliveries
set open = false, state = 'cancelled', reason = 'expunged', ended_at = clock_timestamp(), resume_state = null,
    resume_at = null
where org_id = $1 and event_id = $2 and open and not leased
returning endpoint_id, lane;

-- name: drop_partitions
-- Drop the weeks that nobody keeps any more; answers how many partitions went.
select hub.drop_partitions($1::integer);

-- name: forget_payloads
-- Remove what single organizations keep no longer, a batch at a time; answers how many rows.
select hub.forget_payloads($1::integer, $2::integer, $3::integer);
