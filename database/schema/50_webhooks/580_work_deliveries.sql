-- The worker's side of the queue: claim, keep, record. All three see every organization, so they are definer functions;
-- between them the worker holds no transaction.

-- Take due deliveries in hand for the length of the lease: at most 128 of one endpoint and 256 in all, walking from
-- endpoint to endpoint in the order of the index, from just after the given one. Starting each call where the last
-- one stopped gives every endpoint its turn, however long another's backlog is, and `p_busy` passes over endpoints of
-- which the worker has its fill, without looking at their rows.
--
-- The planner is held to index scans: it plans this while the queue is empty and would choose to read the whole table.
-- The rows just locked cannot move, so they are updated where they lie, by ctid: all open ones are in one partition.
-- A body over 64 KiB is left out: the worker fetches it when it sends it, so that what it has in hand stays small.
-- Comparing with a variable, and not with clock_timestamp(), lets the due time be part of the index condition.
create function hub.claim_deliveries(p_after_org_id uuid, p_after_endpoint_id uuid, p_busy uuid[], p_lease interval)
returns table (
    org_id uuid, endpoint_id uuid, event_id uuid, attempts smallint, fence integer, reclaimed boolean,
    due_at timestamptz, event_key text, body bytea, accepted_at timestamptz, only_endpoint_id uuid,
    endpoint_status text, endpoint_updated_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with recursive lane (org_id, endpoint_id) as (
        (
            select d.org_id, d.endpoint_id from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and (d.org_id, d.endpoint_id) > (p_after_org_id, p_after_endpoint_id)
            order by d.org_id, d.endpoint_id limit 1
        )
        union all
        select n.org_id, n.endpoint_id
        from lane l
        cross join lateral (
            select d.org_id, d.endpoint_id from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and (d.org_id, d.endpoint_id) > (l.org_id, l.endpoint_id)
            order by d.org_id, d.endpoint_id limit 1
        ) as n
    ),
    picked as materialized (
        select q.*
        from lane l
        cross join lateral (
            select d.ctid, d.leased, d.due_at from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and d.org_id = l.org_id and d.endpoint_id = l.endpoint_id and d.due_at <= v_now
            order by d.due_at limit 128
            for update skip locked
        ) as q
        where l.endpoint_id <> all (p_busy)
        limit 256
    ),
    claimed as (
        update hub.webhook_deliveries d
        set due_at = v_now + p_lease, leased = true, fence = d.fence + 1
        from picked p
        where d.open and d.ctid = p.ctid
        returning d.org_id, d.endpoint_id, d.event_id, d.attempts, d.fence, p.leased, p.due_at
    )
    select c.org_id, c.endpoint_id, c.event_id, c.attempts, c.fence, c.leased, c.due_at,
        e.key, case when octet_length(e.body) <= 65536 then e.body end, e.accepted_at, e.only_endpoint_id, w.status, w.updated_at
    from claimed c
    left join hub.webhook_events e on e.org_id = c.org_id and e.id = c.event_id
    left join hub.webhook_endpoints w on w.org_id = c.org_id and w.id = c.endpoint_id;
end
$$;
alter function hub.claim_deliveries(uuid, uuid, uuid[], interval) owner to hub_definer;
revoke execute on function hub.claim_deliveries(uuid, uuid, uuid[], interval) from public;
grant execute on function hub.claim_deliveries(uuid, uuid, uuid[], interval) to hub_worker;
comment on function hub.claim_deliveries(uuid, uuid, uuid[], interval) is
    'Lease due deliveries to a worker, fairly over endpoints, with all it needs to send them.';


-- The heartbeat: push the end of the lease out for deliveries still in hand. One that is not answered has been lost
-- to another worker.
create function hub.extend_leases(
    p_org_ids uuid[], p_endpoint_ids uuid[], p_event_ids uuid[], p_fences integer[], p_lease interval
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_count bigint;
begin
    update hub.webhook_deliveries d set due_at = clock_timestamp() + p_lease
    from unnest(p_org_ids, p_endpoint_ids, p_event_ids, p_fences) as h (org_id, endpoint_id, event_id, fence)
    where d.open and d.leased and d.org_id = h.org_id and d.endpoint_id = h.endpoint_id
        and d.event_id = h.event_id and d.fence = h.fence;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) owner to hub_definer;
revoke execute on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) from public;
grant execute on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) to hub_worker;
comment on function hub.extend_leases(uuid[], uuid[], uuid[], integer[], interval) is
    'Keep deliveries in hand; answers how many still are.';


-- Give deliveries back with what became of them: `p_next` is delivered, exhausted or cancelled (the end), pending
-- (again, after `p_delay_ms`) or held. An attempt is recorded where `p_attempt_ids` has an id; a delivery given back
-- untried has none. The optional columns (delay, cause, detail, reclaimed, truncated) may be left empty as a whole.
-- A delivery that is no longer leased, or whose fence has moved on belongs to another by now: its attempt is recorded as fenced
-- and nothing else happens. Answers the fenced ones.
create function hub.record_attempts(
    p_org_ids uuid[], p_endpoint_ids uuid[], p_event_ids uuid[], p_fences integer[], p_next text[], p_delay_ms bigint[],
    p_attempt_ids uuid[], p_attempts smallint[], p_outcomes text[], p_error_causes text[], p_error_details text[],
    p_reclaimed boolean[], p_started_at timestamptz[], p_duration_ms integer[], p_urls text[], p_request_headers text[],
    p_statuses smallint[], p_response_headers text[], p_response_bodies bytea[], p_truncated boolean[]
) returns table (event_id uuid, endpoint_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
#variable_conflict use_column
declare
    v_now timestamptz := clock_timestamp();
    v_lost bigint[];
begin
    with given as materialized (
        select * from unnest(p_org_ids, p_endpoint_ids, p_event_ids, p_fences, p_next, p_delay_ms, p_attempt_ids)
            with ordinality as g (org_id, endpoint_id, event_id, fence, next, delay_ms, attempt_id, n)
    ),
    moved as (
        update hub.webhook_deliveries d
        set open = g.next in ('pending', 'held'),
            state = g.next,
            due_at = case g.next
                when 'pending' then v_now + coalesce(g.delay_ms, 0) * interval '1 millisecond'
                when 'held' then 'infinity'
                else d.due_at
            end,
            leased = false,
            attempts = d.attempts + (g.attempt_id is not null)::int,
            ended_at = case when g.next in ('pending', 'held') then null else v_now end
        from given g
        where d.open and d.org_id = g.org_id and d.endpoint_id = g.endpoint_id and d.event_id = g.event_id
            and d.fence = g.fence and d.leased
        returning g.n
    )
    select array_agg(g.n) into v_lost from given g where g.n not in (select n from moved);

    insert into hub.webhook_event_logs (
        org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, reclaimed, fenced, started_at,
        duration_ms, url, request_headers, status, response_headers, response_body, response_truncated, next_due_at
    )
    select a.org_id, a.endpoint_id, a.event_id, a.id, a.attempt, a.outcome, a.error_cause, a.error_detail,
        coalesce(a.reclaimed, false),
        a.n = any (coalesce(v_lost, '{}')), a.started_at, a.duration_ms, a.url, a.request_headers::json, a.status,
        a.response_headers::json, a.response_body, coalesce(a.truncated, false),
        case when a.next = 'pending' then v_now + coalesce(a.delay_ms, 0) * interval '1 millisecond' end
    from unnest(
        p_org_ids, p_endpoint_ids, p_event_ids, p_next, p_delay_ms, p_attempt_ids, p_attempts, p_outcomes,
        p_error_causes, p_error_details, p_reclaimed, p_started_at, p_duration_ms, p_urls, p_request_headers,
        p_statuses, p_response_headers, p_response_bodies, p_truncated
    ) with ordinality as a (
        org_id, endpoint_id, event_id, next, delay_ms, id, attempt, outcome, error_cause, error_detail, reclaimed,
        started_at, duration_ms, url, request_headers, status, response_headers, response_body, truncated, n
    )
    where a.id is not null
    -- A worker that did not hear of its commit records the same attempts again.
    on conflict do nothing;

    return query select p_event_ids[x], p_endpoint_ids[x] from unnest(v_lost) as x;
end
$$;
alter function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], uuid[], smallint[], text[], text[], text[], boolean[],
    timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) owner to hub_definer;
revoke execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], uuid[], smallint[], text[], text[], text[], boolean[],
    timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) from public;
grant execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], uuid[], smallint[], text[], text[], text[], boolean[],
    timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) to hub_worker;
comment on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], uuid[], smallint[], text[], text[], text[], boolean[],
    timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) is 'Record attempts and move their deliveries on, unless another worker holds them by now; answers those.';


-- How the queue stands, for metrics and readiness: how many are open and held, and since when the oldest due one waits.
create function hub.queue_state() returns table (pending bigint, held bigint, oldest_due_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select count(*) filter (where d.state = 'pending'), count(*) filter (where d.state = 'held'),
        min(d.due_at) filter (where d.state = 'pending' and d.due_at <= now())
    from hub.webhook_deliveries d where d.open
$$;
alter function hub.queue_state() owner to hub_definer;
revoke execute on function hub.queue_state() from public;
grant execute on function hub.queue_state() to hub_app, hub_worker;
comment on function hub.queue_state() is 'Open deliveries, held ones, and since when the oldest due one waits.';
