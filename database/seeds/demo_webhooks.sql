-- Two weeks in the life of one organization's webhooks: enough of everything to make each screen worth looking at.
-- Runs with `hub.org` set, on endpoints that exist already: billing (healthy), warehouse (shaky), crm (down) and
-- analytics (disabled), told apart by the host of their URL. Repeatable: the same every time but for the dates.

select setseed(0.4711);

create temporary table demo_event on commit drop as
select
    n,
    at,
    -- Time-ordered ids of the moment the event occurred, so that history sorts as it happened.
    (left(hub.uuidv7_floor(at)::text, 14) || '7' || substr(h, 1, 3) || '-8' || substr(h, 4, 3) || '-' || substr(h, 7, 12))::uuid
        as id,
    (array['order.created', 'order.paid', 'order.shipped', 'customer.created', 'customer.updated', 'subscription.renewed'])
        [1 + floor(random() * random() * 6)::int] as type,
    h
from (
    select n, md5('demo event ' || n) as h,
        now() - interval '2 hours' - (random() * interval '14 days') as at
    from generate_series(1, 1800) as n
) as moments
-- Office hours are busier than nights, and weekends quiet.
where random() < case
    when extract(isodow from at) > 5 then 0.25
    when extract(hour from at) between 8 and 18 then 1.0
    else 0.35
end;

insert into hub.webhook_fanouts (
    org_id, event_type, revision, endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons
)
select hub.current_org(), t.type, -1,
    array_agg(w.id) filter (where w.matches), array_agg('push'::text) filter (where w.matches),
    coalesce(array_agg(w.id) filter (where not w.matches), '{}'),
    coalesce(array_agg('event_type'::text) filter (where not w.matches), '{}')
from (select distinct type from demo_event) as t
cross join lateral (
    select e.id, hub.event_type_matches(t.type, e.event_types) as matches
    from hub.webhook_endpoints e where e.org_id = hub.current_org()
) as w
group by t.type;

insert into hub.webhook_events (org_id, id, key, type, body, occurred_at, accepted_at, fanout_id)
select hub.current_org(), d.id, case when d.n % 3 = 0 then 'demo-' || d.n end, d.type,
    convert_to(json_build_object(
        'type', d.type,
        'timestamp', to_char(d.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'data', case split_part(d.type, '.', 1)
            when 'order' then json_build_object(
                'order_id', 'ord_' || left(d.h, 8), 'amount', 20 + d.n % 480, 'currency', 'EUR', 'items', 1 + d.n % 5)
            when 'customer' then json_build_object('customer_id', 'cus_' || left(d.h, 8), 'country', 'KE')
            else json_build_object('subscription_id', 'sub_' || left(d.h, 8), 'plan', 'team', 'seats', 3 + d.n % 40)
        end
    )::text, 'UTF8'),
    d.at, d.at, f.id
from demo_event d
join hub.webhook_fanouts f on f.org_id = hub.current_org() and f.event_type = d.type and f.revision = -1;

-- How each delivery went: the host of its endpoint decides, and its own dice.
create temporary table demo_delivery on commit drop as
select d.n, d.at, d.id as event_id, w.id as endpoint_id, w.url, split_part(split_part(w.url, '//', 2), '.', 1) as host,
    random() as dice, d.h
from demo_event d
join hub.webhook_endpoints w on w.org_id = hub.current_org() and hub.event_type_matches(d.type, w.event_types);

create temporary table demo_fate on commit drop as
select x.*,
    case
        when x.host = 'analytics' and x.at > now() - interval '2 days' then 'held'
        when x.host = 'crm' and x.at > now() - interval '20 hours' then 'pending'
        when x.host = 'crm' and x.at > now() - interval '5 days' then 'exhausted'
        else 'delivered'
    end as state,
    case
        when x.host = 'analytics' and x.at > now() - interval '2 days' then 0
        when x.host = 'crm' and x.at > now() - interval '20 hours' then 4
        when x.host = 'crm' and x.at > now() - interval '5 days' then 10
        when x.host = 'warehouse' then 1 + (x.dice > 0.8)::int + (x.dice > 0.95)::int
        else 1 + (x.dice > 0.985)::int
    end as attempts
from demo_delivery x;

insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, open, state, due_at, attempts, step, ended_at)
select hub.current_org(), f.endpoint_id, f.event_id, f.state in ('pending', 'held'), f.state,
    case f.state when 'held' then 'infinity' when 'pending' then now() + interval '1 hour' * (1 + f.dice * 5) else f.at end,
    f.attempts, f.attempts, case when f.state not in ('pending', 'held') then f.at + interval '5 seconds' end
from demo_fate f;

insert into hub.webhook_event_logs (
    org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, started_at, duration_ms, url,
    request_headers, status, response_headers, response_body, next_due_at
)
select hub.current_org(), f.endpoint_id, f.event_id,
    (left(hub.uuidv7_floor(a.at)::text, 14) || '7' || substr(a.h, 1, 3) || '-8' || substr(a.h, 4, 3) || '-' || substr(a.h, 7, 12))::uuid,
    a.attempt,
    case when a.good then 'delivered' when f.host = 'crm' and a.attempt % 3 = 0 then 'failed' else 'refused' end,
    case when not a.good and f.host = 'crm' and a.attempt % 3 = 0 then 'timeout' end,
    case when not a.good and f.host = 'crm' and a.attempt % 3 = 0 then 'The answer was not complete in time.' end,
    a.at,
    case when a.good then 20 + (f.dice * 180)::int when f.host = 'crm' and a.attempt % 3 = 0 then 15000 else 40 + (f.dice * 900)::int end,
    f.url,
    json_build_array(json_build_array('content-type', 'application/json'), json_build_array('webhook-timestamp', floor(extract(epoch from a.at))::text)),
    case when a.good then 204 when f.host = 'crm' and a.attempt % 3 = 0 then null when f.host = 'crm' then 503 else 429 end,
    case when a.good or not (f.host = 'crm' and a.attempt % 3 = 0) then json_build_array(json_build_array('server', 'nginx')) end,
    case when a.good then ''::bytea when f.host = 'crm' then 'upstream is down'::bytea else 'slow down'::bytea end,
    case when a.attempt < f.attempts then a.at + interval '5 minutes' end
from demo_fate f
cross join lateral (
    select k as attempt, k = f.attempts and f.state = 'delivered' as good,
        f.at + (k - 1) * interval '6 minutes' as at, md5(f.h || f.host || k) as h
    from generate_series(1, f.attempts) as k
) as a;

update hub.webhook_endpoints
set status = 'disabled', disabled_reason = 'by_request', updated_at = now()
where org_id = hub.current_org() and url like 'https://analytics.%';
