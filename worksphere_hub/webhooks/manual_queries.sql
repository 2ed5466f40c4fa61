-- name: delivery_for_change
-- One delivery, locked, with what decides whether it can be sent again.
select d.*, w.status as endpoint_status, w.kind as endpoint_kind, e.body is null as expunged
from hub.webhook_deliveries d
left join hub.webhook_endpoints w on w.org_id = d.org_id and w.id = d.endpoint_id
left join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
where d.org_id = $1 and d.event_id = $2 and d.endpoint_id = $3
for update of d;

-- name: retry_delivery
-- Have a delivery sent now, and remember how it stood. One that has left its lane stays out of it.
update hub.webhook_deliveries
set open = true, state = $4, due_at = clock_timestamp(), leased = false, ended_at = null, resume_state = $5,
    resume_at = case when open then due_at end,
    lane = case when open and state <> 'parked' then lane end,
    sequence = case when open and state <> 'parked' then sequence end
where org_id = $1 and event_id = $2 and endpoint_id = $3;

-- name: skip_delivery
-- Give a delivery up because somebody asked for it.
update hub.webhook_deliveries
set open = false, state = 'exhausted', reason = 'by_request', ended_at = clock_timestamp(), resume_state = null,
    resume_at = null
where org_id = $1 and event_id = $2 and endpoint_id = $3 and open and not leased;

-- name: promote_lane
-- Give a lane that may have lost its head its next one.
select hub.promote_lanes(array[$1::uuid], array[$2::uuid], array[$3::text]);

-- name: insert_replay
-- Begin a replay of the events between two times.
insert into hub.webhook_replays (
    org_id, id, endpoint_id, what, event_types, from_id, to_id, cursor_id, rate, created_by
)
values (
    $1, $2, $3, $4, $5, hub.uuidv7_floor($6::timestamptz), hub.uuidv7_floor($7::timestamptz),
    hub.uuidv7_floor($6::timestamptz), $8, $9
)
returning *;

-- name: count_replay
-- How many events a replay would send.
select * from hub.count_replay(
    $1::uuid, $2::uuid, $3::text, $4::text[], hub.uuidv7_floor($5::timestamptz), hub.uuidv7_floor($6::timestamptz)
);

-- name: replay_by_id
-- One replay.
select * from hub.webhook_replays where org_id = $1 and id = $2;

-- name: list_replays
-- A page of replays, newest first, before the cursor.
select * from hub.webhook_replays where org_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: set_replay_state
-- Pause, resume or cancel a replay that is not over.
update hub.webhook_replays
set state = $3, due_at = clock_timestamp(), finished_at = case when $3 = 'cancelled' then clock_timestamp() end
where org_id = $1 and id = $2 and finished_at is null
returning *;

-- name: step_replay
-- One step of one replay that is due.
select * from hub.step_replay();

-- name: requeue_deliveries
-- Send events to an endpoint (again); answers how many are on their way.
select hub.requeue_deliveries($1::uuid, $2::uuid, $3::uuid[]);

-- name: endpoints_of_event
-- The enabled endpoints that an event is for, as they are now.
select w.id from hub.webhook_endpoints w
join hub.webhook_events e on e.org_id = w.org_id and e.id = $2
where w.org_id = $1 and w.status = 'enabled' and hub.event_type_matches(e.type, w.event_types)
    and (w.channels is null or coalesce(w.channels && e.channels, false));

-- name: sample_of_type
-- The sample of an event type's current version.
select v.sample from hub.event_types t
join hub.event_type_versions v on v.org_id = t.org_id and v.name = t.name and v.version = t.current_version
where t.org_id = $1 and t.name = $2;
