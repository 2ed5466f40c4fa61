-- name: accept_events
-- Store a batch of events with their deliveries; answers those that were not stored, and why.
select * from hub.accept_events(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::timestamptz[], $8::uuid[],
    $9::text[], $10::text[], $11::uuid[], $12::boolean[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::bytea[],
    $18::timestamptz[]
);

-- name: event_by_id
-- One event by the hub's own id.
select * from hub.webhook_events where org_id = $1 and id = $2;

-- name: event_by_key
-- One event by the publisher's own id: the newest, should the id have come again after it was forgotten.
select * from hub.webhook_events where org_id = $1 and key = $2 order by id desc limit 1;

-- name: list_events
-- A page of events, newest first, before the cursor.
select * from hub.webhook_events
where org_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or type = $3)
order by id desc limit $4;
