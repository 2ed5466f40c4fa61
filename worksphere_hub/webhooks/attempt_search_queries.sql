-- name: search_attempts
-- A page of attempts at all endpoints, newest first: before the cursor ($2), begun from $3 on; of outcomes, of a status
-- from $6 to $7 and with a cause where given. Like all of these it looks at 5,000 at most and answers the last of them
-- whatever it is (see worksphere_hub/db/horizon.py).
select l.*, e.key as event_key, l.id as at, w.wanted, l.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.id desc) as place from hub.webhook_event_logs x
    where x.org_id = $1 and x.id < $2 and x.id >= $3
    order by x.id desc limit 5000
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
cross join lateral (
    select ($5::text[] is null or l.outcome = any ($5))
        and ($6::smallint is null or coalesce(l.status between $6 and $7, false))
        and ($8::text is null or l.error_cause is not distinct from $8) as wanted
) as w
where w.wanted or l.place = 5000
order by l.id desc limit $4;

-- name: search_attempts_of_endpoint
-- The same at one endpoint ($9).
select l.*, e.key as event_key, l.id as at, w.wanted, l.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.id desc) as place from hub.webhook_event_logs x
    where x.org_id = $1 and x.id < $2 and x.id >= $3 and x.endpoint_id = $9
    order by x.id desc limit 5000
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
cross join lateral (
    select ($5::text[] is null or l.outcome = any ($5))
        and ($6::smallint is null or coalesce(l.status between $6 and $7, false))
        and ($8::text is null or l.error_cause is not distinct from $8) as wanted
) as w
where w.wanted or l.place = 5000
order by l.id desc limit $4;

-- name: search_failed_attempts
-- The same of those that did not deliver, at all endpoints.
select l.*, e.key as event_key, l.id as at, w.wanted, l.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.id desc) as place from hub.webhook_event_logs x
    where x.org_id = $1 and x.id < $2 and x.id >= $3 and x.outcome <> 'delivered'
    order by x.id desc limit 5000
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
cross join lateral (
    select ($5::text[] is null or l.outcome = any ($5))
        and ($6::smallint is null or coalesce(l.status between $6 and $7, false))
        and ($8::text is null or l.error_cause is not distinct from $8) as wanted
) as w
where w.wanted or l.place = 5000
order by l.id desc limit $4;

-- name: search_failed_attempts_of_endpoint
-- The same at one endpoint ($9).
select l.*, e.key as event_key, l.id as at, w.wanted, l.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.id desc) as place from hub.webhook_event_logs x
    where x.org_id = $1 and x.id < $2 and x.id >= $3 and x.endpoint_id = $9 and x.outcome <> 'delivered'
    order by x.id desc limit 5000
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
cross join lateral (
    select ($5::text[] is null or l.outcome = any ($5))
        and ($6::smallint is null or coalesce(l.status between $6 and $7, false))
        and ($8::text is null or l.error_cause is not distinct from $8) as wanted
) as w
where w.wanted or l.place = 5000
order by l.id desc limit $4;

-- name: search_attempts_by_cause
-- The same of those with a cause of failure ($8), at all endpoints.
select l.*, e.key as event_key, l.id as at, w.wanted, l.place = 5000 as horizon
from (
    select x.*, row_number() over (order by x.id desc) as place from hub.webhook_event_logs x
    where x.org_id = $1 and x.id < $2 and x.id >= $3 and x.error_cause = $8
    order by x.id desc limit 5000
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
cross join lateral (
    select ($5::text[] is null or l.outcome = any ($5))
        and ($6::smallint is null or coalesce(l.status between $6 and $7, false)) as wanted
) as w
where w.wanted or l.place = 5000
order by l.id desc limit $4;

-- name: search_attempts_by_status
-- The same of those that did not deliver though there was an answer, with a status from $6 to $7. The statuses there
-- are are few: the newest of each, merged.
with recursive statuses (status) as (
    (
        select x.status from hub.webhook_event_logs x
        where x.org_id = $1 and x.outcome <> 'delivered' and x.status >= $6::smallint and x.status <= $7::smallint
        order by x.status limit 1
    )
    union all
    select n.status from statuses s
    cross join lateral (
        select x.status from hub.webhook_event_logs x
        where x.org_id = $1 and x.outcome <> 'delivered' and x.status > s.status and x.status <= $7::smallint
        order by x.status limit 1
    ) as n
)
select l.*, e.key as event_key, l.id as at, true as wanted, false as horizon
from (
    select x.* from statuses s
    cross join lateral (
        select y.* from hub.webhook_event_logs y
        where y.org_id = $1 and y.outcome <> 'delivered' and y.status = s.status and y.id < $2 and y.id >= $3
            and ($5::text[] is null or y.outcome = any ($5))
        order by y.id desc limit $4
    ) as x
    order by x.id desc limit $4
) as l
left join lateral (
    select i.key from hub.webhook_events i where i.org_id = $1 and i.id = l.event_id limit 1
) as e on true
order by l.id desc;
