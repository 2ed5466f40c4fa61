-- name: claim_deliveries
-- Take due deliveries in hand, starting after the given endpoint and passing over the busy ones.
select * from hub.claim_deliveries($1::uuid, $2::uuid, $3::uuid[], $4::interval);

-- name: extend_leases
-- Keep deliveries in hand; answers how many still are.
select hub.extend_leases($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::interval);

-- name: record_attempts
-- Record attempts and move their deliveries on; answers those that belonged to another worker by then.
select * from hub.record_attempts(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::bigint[], $7::uuid[], $8::smallint[],
    $9::text[], $10::text[], $11::text[], $12::boolean[], $13::timestamptz[], $14::integer[], $15::text[], $16::text[],
    $17::smallint[], $18::text[], $19::bytea[], $20::boolean[]
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
-- Where an endpoint is and what to sign with: the secrets that have not expired, the newest first.
select e.url, e.updated_at,
    coalesce(array_agg(s.id order by s.id desc) filter (where s.id is not null), '{}') as secret_ids,
    coalesce(array_agg(s.sealed order by s.id desc) filter (where s.id is not null), '{}') as sealed
from hub.webhook_endpoints e
left join hub.webhook_endpoint_secrets s
    on s.org_id = e.org_id and s.endpoint_id = e.id and (s.expires_at is null or s.expires_at > now())
where e.org_id = $1 and e.id = $2
group by e.url, e.updated_at;

-- name: insert_endpoint
-- Create an endpoint; nothing when the organization has as many as it may have.
insert into hub.webhook_endpoints (org_id, id, url, description, event_types)
select $1, $2, $3, $4, $5
where (select count(*) from hub.webhook_endpoints where org_id = $1) < $6
returning *;

-- name: insert_secret
-- Add a signing secret, sealed.
insert into hub.webhook_endpoint_secrets (org_id, endpoint_id, id, sealed) values ($1, $2, $3, $4);

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
-- Change what an endpoint is. `updated_at` tells the workers to read it anew.
update hub.webhook_endpoints
set url = $3, description = $4, event_types = $5, updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *;

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
-- Make an endpoint's held deliveries due again.
update hub.webhook_deliveries set state = 'pending', due_at = clock_timestamp()
where org_id = $1 and endpoint_id = $2 and open and state = 'held';

-- name: delete_endpoint
-- Delete an endpoint with its secrets; its history stays.
delete from hub.webhook_endpoints where org_id = $1 and id = $2;

-- name: cancel_deliveries
-- End what was still to be delivered to an endpoint that is deleted.
update hub.webhook_deliveries
set open = false, state = 'cancelled', ended_at = clock_timestamp(), leased = false
where org_id = $1 and endpoint_id = $2 and open;

-- name: list_attempts_of_endpoint
-- A page of an endpoint's attempts, newest first, before the cursor.
select l.*, e.key as event_key from hub.webhook_event_logs l
left join hub.webhook_events e on e.org_id = l.org_id and e.id = l.event_id
where l.org_id = $1 and l.endpoint_id = $2 and ($3::uuid is null or l.id < $3)
order by l.id desc limit $4;

-- name: list_attempts_of_delivery
-- All attempts of one delivery, oldest first: 200 at most, more than any schedule makes.
select l.*, e.key as event_key from hub.webhook_event_logs l
left join hub.webhook_events e on e.org_id = l.org_id and e.id = l.event_id
where l.org_id = $1 and l.endpoint_id = $2 and l.event_id = $3
order by l.id limit 200;

-- name: list_deliveries
-- A page of deliveries, newest event first, before the cursor; by endpoint or state where given.
select d.*, e.key as event_key, e.type as event_type
from hub.webhook_deliveries d
left join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
where d.org_id = $1
    and ($2::uuid is null or (d.event_id, d.endpoint_id) < ($2, $3::uuid))
    and ($4::uuid is null or d.endpoint_id = $4)
    and ($5::text is null or d.state = $5)
order by d.event_id desc, d.endpoint_id desc limit $6;

-- name: delivery_by_id
-- One delivery.
select d.*, e.key as event_key, e.type as event_type
from hub.webhook_deliveries d
left join hub.webhook_events e on e.org_id = d.org_id and e.id = d.event_id
where d.org_id = $1 and d.event_id = $2 and d.endpoint_id = $3;

-- name: verdicts_of_event
-- Why each endpoint did or did not get a delivery of this event, as it was decided when the event was accepted.
select v.endpoint_id, v.reason, d.state, d.attempts, d.due_at, d.leased, d.ended_at,
    e.id as event_id, e.key as event_key, e.type as event_type
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
) as v (endpoint_id, reason)
left join hub.webhook_deliveries d
    on d.org_id = e.org_id and d.event_id = e.id and d.endpoint_id = v.endpoint_id
where e.org_id = $1 and e.id = $2
order by v.endpoint_id;
