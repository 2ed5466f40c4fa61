-- name: claim_deliveries
-- Take due deliveries in hand: beginning after an organization, in each at its turn, passing over the busy.
select * from hub.claim_deliveries(
    $1::uuid, $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::interval, $7::uuid[], $8::uuid[], $9::timestamptz[]
);

-- name: promote_lanes_left
-- Give a head to lanes that were left without one, from the given lane on; answers where to go on, and how many.
select * from hub.promote_lanes_left($1::uuid, $2::uuid, $3::text);

-- name: extend_leases
-- Keep deliveries in hand; answers how many still are.
select hub.extend_leases($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::interval);

-- name: record_attempts
-- Record attempts and move their deliveries on; answers those that belonged to another worker by then.
select * from hub.record_attempts(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::bigint[], $7::text[], $8::uuid[], $9::smallint[],
    $10::text[], $11::text[], $12::text[], $13::boolean[], $14::boolean[], $15::text[], $16::timestamptz[],
    $17::integer[], $18::text[], $19::text[], $20::smallint[], $21::text[], $22::bytea[], $23::boolean[]
);

-- name: queue_state
-- How the queue stands, over all organizations.
select * from hub.queue_state();

-- name: add_partitions
-- Make the weekly partitions of the coming two months.
select hub.add_partitions(now() + interval '60 days');

-- name: forget_expired
-- Delete expired idempotency keys and sessions, a batch at a time.
select hub.forget_expired();

-- name: event_body
-- The message of one event.
select body from hub.webhook_events where org_id = $1 and id = $2;

-- name: endpoint_target
-- What an endpoint is, for whoever sends to it.
select * from hub.webhook_endpoints where org_id = $1 and id = $2;

-- name: endpoint_secrets
-- An endpoint's keys and credentials that have not expired, the newest first.
select id, kind, sealed, expires_at from hub.webhook_endpoint_secrets
where org_id = $1 and endpoint_id = $2 and (expires_at is null or expires_at > now())
order by id desc;

-- name: insert_endpoint
-- Create an endpoint; nothing when the organization has as many as it may have.
insert into hub.webhook_endpoints (
    org_id, id, kind, url, description, event_types, channels, filter, transform, thin, method, headers, compression,
    encryption_key, batch_size, batch_wait_ms, retry_policy, rate_limit, concurrency, ordering, on_exhausted, signatures,
    destination
)
select $1, $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24
where (select count(*) from hub.webhook_endpoints where org_id = $1) < $3
returning *;

-- name: insert_secret
-- Add a key or a credential, sealed.
insert into hub.webhook_endpoint_secrets (org_id, endpoint_id, id, kind, sealed, public_key) values ($1, $2, $3, $4, $5, $6);

-- name: delete_secrets
-- Remove an endpoint's secrets of one kind.
delete from hub.webhook_endpoint_secrets where org_id = $1 and endpoint_id = $2 and kind = $3;

-- name: expire_secrets
-- Let an endpoint's secrets of one kind run out at a time, unless they do so sooner.
update hub.webhook_endpoint_secrets set expires_at = least(expires_at, $4)
where org_id = $1 and endpoint_id = $2 and kind = $3;

-- name: endpoint_by_id
-- One endpoint.
select * from hub.webhook_endpoints where org_id = $1 and id = $2;

-- name: endpoint_for_change
-- One endpoint, locked until the transaction ends.
select * from hub.webhook_endpoints where org_id = $1 and id = $2 for update;

-- name: list_endpoints
-- A page of endpoints, newest first, before the cursor.
select * from hub.webhook_endpoints where org_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: update_endpoint
-- Change what an endpoint is. `updated_at` tells the workers to read it anew. ($3, its kind, cannot change.)
update hub.webhook_endpoints
set url = $4, description = $5, event_types = $6, channels = $7, filter = $8, transform = $9, thin = $10, method = $11,
    headers = $12, compression = $13, encryption_key = $14, batch_size = $15, batch_wait_ms = $16, retry_policy = $17,
    rate_limit = $18, concurrency = $19, ordering = $20, on_exhausted = $21, signatures = $22, destination = $23,
    updated_at = clock_timestamp()
where org_id = $1 and id = $2 and kind = $3
returning *;

-- name: touch_endpoint
-- Tell the workers to read an endpoint anew.
update hub.webhook_endpoints set updated_at = clock_timestamp() where org_id = $1 and id = $2;

-- name: set_endpoint_status
-- Enable an endpoint, or disable it for a reason; nothing when it is so already.
update hub.webhook_endpoints
set status = $3, disabled_reason = $4, updated_at = clock_timestamp()
where org_id = $1 and id = $2 and status <> $3
returning *;

-- name: hold_deliveries
-- Put an endpoint's waiting deliveries aside. Those in a worker's hand are let be: their attempt is under way.
update hub.webhook_deliveries set state = 'held', due_at = 'infinity'
where org_id = $1 and endpoint_id = $2 and open and state = 'pending' and not leased;

-- name: resume_deliveries
-- Make an endpoint's held deliveries due again, and forget its troubles.
with gate as (delete from hub.webhook_endpoint_gates where org_id = $1 and endpoint_id = $2)
update hub.webhook_deliveries set state = 'pending', due_at = clock_timestamp()
where org_id = $1 and endpoint_id = $2 and open and state = 'held';

-- name: delete_endpoint
-- Delete an endpoint with its secrets; its history stays.
delete from hub.webhook_endpoints where org_id = $1 and id = $2;

-- name: cancel_deliveries
-- End what was still to be delivered to an endpoint that is deleted.
update hub.webhook_deliveries
set open = false, state = 'cancelled', reason = 'endpoint_deleted', ended_at = clock_timestamp(), leased = false
where org_id = $1 and endpoint_id = $2 and open;

-- name: list_attempts_of_delivery
-- All attempts of one delivery, oldest first: 200 at most, more than any schedule makes.
select l.*, e.key as event_key from hub.webhook_event_logs l
left join hub.webhook_events e on e.org_id = l.org_id and e.id = l.event_id
where l.org_id = $1 and l.endpoint_id = $2 and l.event_id = $3
order by l.id limit 200;

-- name: delivery_by_id
-- One delivery.
select d.*, e.key as event_key, e.type as event_type
from hub.webhook_deliveries d
left join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
where d.org_id = $1 and d.event_id = $2 and d.endpoint_id = $3;

-- name: verdicts_of_event
-- Why each endpoint did or did not get a delivery of this event, as it was decided when the event was accepted, or by
-- whoever replayed it to one that had not got it, or was not there yet.
select v.endpoint_id,
    case when v.verdict <> 'matched' and d.event_id is not null then 'replayed' else v.verdict end as verdict, d.state, d.reason, d.attempts, d.due_at, d.leased, d.ended_at,
    e.id as event_id, e.key as event_key, e.type as event_type,
    case
        when g.circuit <> 'closed' then 'circuit_open'
        when g.slow_until > now() then 'slowed_down'
        when w.rate_limit is not null then 'rate_limited'
    end as endpoint_state
from hub.webhook_events e
join hub.webhook_fanouts f on f.org_id = e.org_id and f.id = e.fanout_id
cross join lateral (
    select x.endpoint_id, case
        when e.only_endpoint_id is null or e.only_endpoint_id = x.endpoint_id then 'matched' else 'not_targeted'
    end
    from unnest(f.endpoint_ids) as x (endpoint_id)
    union all
    select x.endpoint_id, case
        when e.only_endpoint_id is null then x.reason
        when e.only_endpoint_id = x.endpoint_id then 'matched'
        else 'not_targeted'
    end
    from unnest(f.skipped_ids, f.skipped_reasons) as x (endpoint_id, reason)
    union all
    select r.endpoint_id, 'replayed'
    from hub.webhook_deliveries r
    where r.org_id = e.org_id and r.event_id = e.id
        and r.endpoint_id <> all (coalesce(f.endpoint_ids, '{}') || coalesce(f.skipped_ids, '{}'))
) as v (endpoint_id, verdict)
left join hub.webhook_endpoints w on w.org_id = e.org_id and w.id = v.endpoint_id
left join hub.webhook_endpoint_gates g on g.org_id = e.org_id and g.endpoint_id = v.endpoint_id
left join hub.webhook_deliveries d
    on d.org_id = e.org_id and d.event_id = e.id and d.endpoint_id = v.endpoint_id
where e.org_id = $1 and e.id = $2
order by v.endpoint_id;

-- name: gate_for_change
-- What holds an endpoint's deliveries back, locked until the transaction ends; made if there is nothing yet.
insert into hub.webhook_endpoint_gates as g (org_id, endpoint_id) values ($1, $2)
on conflict (org_id, endpoint_id) do update set failures = g.failures
returning g.*, clock_timestamp() as now;

-- name: update_gate
-- Write down how an endpoint's circuit stands, and until when its receiver asked for nothing more.
update hub.webhook_endpoint_gates
set circuit = $3, failures = $4, openings = $5, failing_since = $6, opens_until = $7,
    slow_until = greatest(slow_until, $8)
where org_id = $1 and endpoint_id = $2;

-- name: endpoint_status
-- Whether an endpoint is enabled.
select status from hub.webhook_endpoints where org_id = $1 and id = $2;

-- name: endpoint_keys
-- An endpoint's signing keys that have not expired, the newest first, without what is sealed.
select id, kind, public_key, created_at, expires_at from hub.webhook_endpoint_secrets
where org_id = $1 and endpoint_id = $2 and kind <> 'auth' and (expires_at is null or expires_at > now())
order by id desc;

-- name: public_keys
-- The public keys of all endpoints, or of one, that verify what is signed now.
select * from hub.webhook_public_keys($1::uuid);

-- name: available_deliveries
-- A pull endpoint's messages that wait to be fetched, oldest first, after the cursor.
select d.event_id, e.key as event_key, e.type as event_type, e.body, d.attempts
from hub.webhook_deliveries d
join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
where d.org_id = $1 and d.endpoint_id = $2 and d.open and d.state = 'available' and d.event_id > $3
order by d.event_id limit $4;

-- name: end_filtered
-- End a pull endpoint's messages that its filter does not want.
update hub.webhook_deliveries set open = false, state = 'filtered', ended_at = clock_timestamp()
where org_id = $1 and endpoint_id = $2 and open and state = 'available' and event_id = any ($3::uuid[]);

-- name: acknowledge_deliveries
-- End what a receiver has fetched and dealt with; answers how many.
select hub.acknowledge_deliveries($1::uuid, $2::uuid, $3::uuid[], $4::text[], $5::smallint[], $6::text[], $7::integer[]);
