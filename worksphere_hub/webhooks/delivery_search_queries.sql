-- name: search_deliveries
-- A page of deliveries, those of the newest event first: of events before the cursor ($2, $3), from $4 on; open, ended
-- or both ($5, $6); in a state where one is given. Like all of these it looks at 5,000 at most and answers the last of
-- them whatever it is (see worksphere_hub/db/horizon.py). Each event is looked up by itself
-- (`limit 1`), never joined as a whole.
select d.*, e.key as event_key, e.type as event_type, d.event_id as at, w.wanted, d.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.event_id desc, x.endpoint_id desc) as place
    from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id <= $2 and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.event_id >= $4
        and x.open in ($5, $6)
    order by x.event_id desc, x.endpoint_id desc limit 5000
) as d
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = d.event_id limit 1
) as e on true
cross join lateral (
    select $7::text is null or d.state = $7 as wanted
) as w
where w.wanted or d.place = 5000
order by d.event_id desc, d.endpoint_id desc limit $8;

-- name: search_deliveries_of_endpoint
-- The same of one endpoint ($7).
select d.*, e.key as event_key, e.type as event_type, d.event_id as at, w.wanted, d.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.event_id desc, x.endpoint_id desc) as place
    from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id <= $2 and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.event_id >= $4
        and x.open in ($5, $6) and x.endpoint_id = $7
    order by x.event_id desc, x.endpoint_id desc limit 5000
) as d
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = d.event_id limit 1
) as e on true
cross join lateral (
    select $8::text is null or d.state = $8 as wanted
) as w
where w.wanted or d.place = 5000
order by d.event_id desc, d.endpoint_id desc limit $9;

-- name: search_deliveries_in_state
-- The same in a state that is rare ($7), so that it has an index of its own; of types from $8 up to $9 where given.
select d.*, e.key as event_key, e.type as event_type, d.event_id as at, w.wanted, d.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.event_id desc, x.endpoint_id desc) as place
    from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id <= $2 and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.event_id >= $4
        and x.open in ($5, $6) and x.state = $7
        and x.state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered')
    order by x.event_id desc, x.endpoint_id desc limit 5000
) as d
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = d.event_id limit 1
) as e on true
cross join lateral (
    select ($8::text is null or coalesce(e.type >= $8 and e.type < $9, false)) as wanted
) as w
where w.wanted or d.place = 5000
order by d.event_id desc, d.endpoint_id desc limit $10;

-- name: search_deliveries_of_endpoint_in_state
-- The same of one endpoint ($8); for a reason ($9) and of types from $10 up to $11 where given.
select d.*, e.key as event_key, e.type as event_type, d.event_id as at, w.wanted, d.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.event_id desc, x.endpoint_id desc) as place
    from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id <= $2 and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.event_id >= $4
        and x.open in ($5, $6) and x.state = $7 and x.endpoint_id = $8
        and x.state in ('held', 'blocked', 'parked', 'exhausted', 'cancelled', 'filtered')
    order by x.event_id desc, x.endpoint_id desc limit 5000
) as d
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = d.event_id limit 1
) as e on true
cross join lateral (
    select ($9::text is null or d.reason is not distinct from $9)
        and ($10::text is null or coalesce(e.type >= $10 and e.type < $11, false)) as wanted
) as w
where w.wanted or d.place = 5000
order by d.event_id desc, d.endpoint_id desc limit $12;

-- name: search_deliveries_for_reason
-- The same for a reason ($7); in a state ($8), of an endpoint ($9) and of types from $10 up to $11 where given.
select d.*, e.key as event_key, e.type as event_type, d.event_id as at, w.wanted, d.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.event_id desc, x.endpoint_id desc) as place
    from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id <= $2 and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.event_id >= $4
        and x.open in ($5, $6) and x.reason = $7
    order by x.event_id desc, x.endpoint_id desc limit 5000
) as d
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = d.event_id limit 1
) as e on true
cross join lateral (
    select ($8::text is null or d.state = $8) and ($9::uuid is null or d.endpoint_id = $9)
        and ($10::text is null or coalesce(e.type >= $10 and e.type < $11, false)) as wanted
) as w
where w.wanted or d.place = 5000
order by d.event_id desc, d.endpoint_id desc limit $12;

-- name: search_deliveries_of_type
-- The same of events of one type ($7); in a state ($8) and of an endpoint ($9) where given. It looks at $10 events,
-- each with its deliveries.
select d.*, e.key as event_key, e.type as event_type, c.id as at, d.event_id is not null as wanted,
    c.place = $10 as horizon
from (
    select i.id, row_number() over (order by i.id desc) as place
    from hub.webhook_events i
    where i.org_id = $1 and i.type = $7 and i.id <= $2 and i.id >= $4
    order by i.id desc limit $10
) as c
left join lateral (
    select x.* from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id = c.id and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.open in ($5, $6)
        and ($8::text is null or x.state = $8) and ($9::uuid is null or x.endpoint_id = $9)
    order by x.endpoint_id desc limit 1000
) as d on true
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = c.id limit 1
) as e on true
where d.event_id is not null or c.place = $10
order by c.id desc, d.endpoint_id desc limit $11;

-- name: search_deliveries_of_types
-- The same of all types from $7 up to $8 (see search_events_of_types); in a state ($9) and of an endpoint ($10) where
-- given. It looks at $11 events.
with recursive types (type) as (
    (
        select f.event_type from hub.webhook_fanouts f
        where f.org_id = $1 and f.event_type >= $7 and f.event_type < $8
        order by f.event_type limit 1
    )
    union all
    select n.event_type from types t
    cross join lateral (
        select f.event_type from hub.webhook_fanouts f
        where f.org_id = $1 and f.event_type > t.type and f.event_type < $8
        order by f.event_type limit 1
    ) as n
)
select d.*, e.key as event_key, e.type as event_type, c.id as at, d.event_id is not null as wanted,
    c.place = $11 as horizon
from (
    select x.id, row_number() over (order by x.id desc) as place
    from types t
    cross join lateral (
        select i.id from hub.webhook_events i
        where i.org_id = $1 and i.type = t.type and i.id <= $2 and i.id >= $4
        order by i.id desc limit $11
    ) as x
    order by x.id desc limit $11
) as c
left join lateral (
    select x.* from hub.webhook_deliveries x
    where x.org_id = $1 and x.event_id = c.id and (x.event_id, x.endpoint_id) < ($2, $3::uuid) and x.open in ($5, $6)
        and ($9::text is null or x.state = $9) and ($10::uuid is null or x.endpoint_id = $10)
    order by x.endpoint_id desc limit 1000
) as d on true
left join lateral (
    select i.key, i.type from hub.webhook_events i where i.org_id = $1 and i.id = c.id limit 1
) as e on true
where d.event_id is not null or c.place = $11
order by c.id desc, d.endpoint_id desc limit $12;
