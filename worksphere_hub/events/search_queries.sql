-- name: search_events
-- A page of events, newest first, before the cursor ($2), accepted from $3 on.
select * from hub.webhook_events where org_id = $1 and id < $2 and id >= $3 order by id desc limit $4;

-- name: search_events_of_type
-- The same of one type.
select * from hub.webhook_events where org_id = $1 and id < $2 and id >= $3 and type = $5 order by id desc limit $4;

-- name: search_events_of_types
-- The same of all types from $5 up to $6: the newest of each, merged. Every event has a fan-out of its type, so the few
-- types are found there, skipping from one to the next; to walk the events would be to read those of all other types.
with recursive types (type) as (
    (
        select f.event_type from hub.webhook_fanouts f
        where f.org_id = $1 and f.event_type >= $5 and f.event_type < $6
        order by f.event_type limit 1
    )
    union all
    select n.event_type from types t
    cross join lateral (
        select f.event_type from hub.webhook_fanouts f
        where f.org_id = $1 and f.event_type > t.type and f.event_type < $6
        order by f.event_type limit 1
    ) as n
)
select e.*
from (
    select x.id from types t
    cross join lateral (
        select i.id from hub.webhook_events i
        where i.org_id = $1 and i.type = t.type and i.id < $2 and i.id >= $3
        order by i.id desc limit $4
    ) as x
    order by x.id desc limit $4
) as c
join hub.webhook_events e on e.org_id = $1 and e.id = c.id
order by c.id desc;

-- name: search_events_by_value
-- The same with a value at an indexed path, or on a channel ($5 is `channel` then); of types from $7 up to $8, on a
-- channel ($9) and with an ordering key ($10) where given. It looks at 5,000 at most: the last of those is answered
-- whatever it is (see worksphere_hub/db/horizon.py). Each is looked up by itself (`limit 1`), never joined as a whole.
select e.*, c.id as at, w.wanted, c.place = 5000 as horizon
from (
    select a.event_id as id, row_number() over (order by a.event_id desc) as place
    from hub.webhook_event_attributes a
    where a.org_id = $1 and a.event_id < $2 and a.event_id >= $3 and a.name = $5 and a.value = $6
    order by a.event_id desc limit 5000
) as c
left join lateral (select * from hub.webhook_events i where i.org_id = $1 and i.id = c.id limit 1) as e on true
cross join lateral (
    select e.id is not null and ($7::text is null or (e.type >= $7 and e.type < $8))
        and ($9::text is null or coalesce($9 = any (e.channels), false))
        and ($10::text is null or e.ordering_key is not distinct from $10) as wanted
) as w
where w.wanted or c.place = 5000
order by c.id desc limit $4;

-- name: search_events_by_ordering_key
-- The same with an ordering key ($5); of types from $6 up to $7 and on a channel ($8) where given.
select e.*, c.id as at, w.wanted, c.place = 5000 as horizon
from (
    select i.id, row_number() over (order by i.id desc) as place
    from hub.webhook_events i
    where i.org_id = $1 and i.id < $2 and i.id >= $3 and i.ordering_key = $5
    order by i.id desc limit 5000
) as c
left join lateral (select * from hub.webhook_events i where i.org_id = $1 and i.id = c.id limit 1) as e on true
cross join lateral (
    select e.id is not null and ($6::text is null or (e.type >= $6 and e.type < $7))
        and ($8::text is null or coalesce($8 = any (e.channels), false)) as wanted
) as w
where w.wanted or c.place = 5000
order by c.id desc limit $4;

-- name: search_events_by_idempotency_key
-- The event that a request with this Idempotency-Key ($4) made, while the key is remembered, if it is as wanted else.
select e.* from hub.idempotency_keys i
join hub.webhook_events e on e.org_id = i.org_id and e.id = i.event_id
where i.org_id = $1 and i.scope = 'event' and i.key = $4 and e.id < $2 and e.id >= $3
    and ($5::text is null or (e.type >= $5 and e.type < $6))
    and ($7::text is null or $7 = any (e.channels)) and ($8::text is null or e.ordering_key = $8)
    and ($9::text is null or exists (
        select from hub.webhook_event_attributes a
        where a.org_id = $1 and a.event_id = e.id and a.name = $9 and a.value = $10
    ));
