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


-- Give deliveries back with what became of them: `p_next` is delivered, exhausted, cancelled or filtered (the end),
-- blocked or parked (exhausted, but somebody shall look at it), pending (again, after `p_delay_ms`), held, or resume: a
-- manual retry failed, so the delivery is put back as it was. An attempt is recorded where `p_attempt_ids` has an id; a
-- delivery given back untried has none. The optional columns (delay, reason, cause, detail, reclaimed, truncated, batch)
-- may be left empty as a whole.
-- A delivery that is no longer leased, or whose fence has moved on belongs to another by now: its attempt is recorded as fenced
-- and nothing else happens. Answers the fenced ones.
create function hub.record_attempts(
    p_org_ids uuid[], p_endpoint_ids uuid[], p_event_ids uuid[], p_fences integer[], p_next text[], p_delay_ms bigint[],
    p_reasons text[], p_attempt_ids uuid[], p_attempts smallint[], p_outcomes text[], p_error_causes text[],
    p_error_details text[], p_reclaimed boolean[], p_manual boolean[], p_batch_ids text[], p_started_at timestamptz[],
    p_duration_ms integer[], p_urls text[], p_request_headers text[], p_statuses smallint[], p_response_headers text[],
    p_response_bodies bytea[], p_truncated boolean[]
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
    v_moved record;
begin
    with given as materialized (
        select g.org_id, g.endpoint_id, g.event_id, g.fence, g.delay_ms, g.reason, g.attempt_id, g.n, g.next, m.manual,
            g.next in ('pending', 'held', 'blocked', 'parked') as open
        from unnest(p_org_ids, p_endpoint_ids, p_event_ids, p_fences, p_next, p_delay_ms, p_reasons, p_attempt_ids)
            with ordinality as g (org_id, endpoint_id, event_id, fence, next, delay_ms, reason, attempt_id, n)
        left join unnest(p_manual) with ordinality as m (manual, n) on m.n = g.n
    ),
    moved as (
        update hub.webhook_deliveries d
        set open = case
                when g.next = 'resume' then d.resume_state in ('pending', 'held', 'blocked', 'parked') else g.open
            end,
            state = case when g.next = 'resume' then d.resume_state else g.next end,
            due_at = case
                when g.next = 'resume' then coalesce(d.resume_at, 'infinity')
                when g.next = 'pending' then v_now + coalesce(g.delay_ms, 0) * interval '1 millisecond'
                when g.open then 'infinity'
                else d.due_at
            end,
            leased = false,
            attempts = least(d.attempts + (g.attempt_id is not null)::int, 32767),
            step = least(d.step + (g.attempt_id is not null and g.manual is not true)::int, 32767),
            reason = case when g.next = 'resume' then d.reason else g.reason end,
            ended_at = case
                when g.open or (g.next = 'resume' and d.resume_state in ('pending', 'held', 'blocked', 'parked')) then null
                else v_now
            end,
            resume_state = case when g.next = 'pending' then d.resume_state end,
            resume_at = case when g.next = 'pending' then d.resume_at end
        from given g
        where d.open and d.org_id = g.org_id and d.endpoint_id = g.endpoint_id and d.event_id = g.event_id
            and d.fence = g.fence and d.leased
        returning g.n, d.org_id, d.endpoint_id, d.lane
    )
    select array_agg(m.n) as n, array_agg(m.org_id) filter (where m.lane is not null) as org_ids,
        array_agg(m.endpoint_id) filter (where m.lane is not null) as endpoint_ids,
        array_agg(m.lane) filter (where m.lane is not null) as lanes
    into v_moved from moved m;
    if v_moved.lanes is not null then
        perform hub.promote_lanes(v_moved.org_ids, v_moved.endpoint_ids, v_moved.lanes);
    end if;
    if coalesce(cardinality(v_moved.n), 0) < cardinality(p_event_ids) then
        select array_agg(n) into v_lost
        from generate_series(1, cardinality(p_event_ids)) as n where n <> all (coalesce(v_moved.n, '{}'));
    end if;

    insert into hub.webhook_event_logs (
        org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, reclaimed, fenced, manual, batch_id,
        started_at, duration_ms, url, request_headers, status, response_headers, response_body, response_truncated,
        next_due_at
    )
    select a.org_id, a.endpoint_id, a.event_id, a.id, a.attempt, a.outcome, a.error_cause, a.error_detail,
        coalesce(a.reclaimed, false), a.n = any (coalesce(v_lost, '{}')), coalesce(a.manual, false), a.batch_id,
        a.started_at, a.duration_ms, a.url, a.request_headers::json, a.status,
        a.response_headers::json,
        -- An answer may say again what the event did: of one that has been removed meanwhile it is not kept.
        case
            when octet_length(a.response_body) = 0 or not exists (
                select from hub.webhook_events e where e.org_id = a.org_id and e.id = a.event_id and e.body is null
            ) then a.response_body
        end,
        coalesce(a.truncated, false),
        case when a.next = 'pending' then v_now + coalesce(a.delay_ms, 0) * interval '1 millisecond' end
    from unnest(
        p_org_ids, p_endpoint_ids, p_event_ids, p_next, p_delay_ms, p_attempt_ids, p_attempts, p_outcomes,
        p_error_causes, p_error_details, p_reclaimed, p_manual, p_batch_ids, p_started_at, p_duration_ms, p_urls,
        p_request_headers, p_statuses, p_response_headers, p_response_bodies, p_truncated
    ) with ordinality as a (
        org_id, endpoint_id, event_id, next, delay_ms, id, attempt, outcome, error_cause, error_detail, reclaimed,
        manual, batch_id, started_at, duration_ms, url, request_headers, status, response_headers, response_body,
        truncated, n
    )
    where a.id is not null
    -- A worker that did not hear of its commit records the same attempts again.
    on conflict do nothing;

    return query select p_event_ids[x], p_endpoint_ids[x] from unnest(v_lost) as x;
end
$$;
alter function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) owner to hub_definer;
revoke execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) from public;
grant execute on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
) to hub_worker;
comment on function hub.record_attempts(
    uuid[], uuid[], uuid[], integer[], text[], bigint[], text[], uuid[], smallint[], text[], text[], text[], boolean[],
    boolean[], text[], timestamptz[], integer[], text[], text[], smallint[], text[], bytea[], boolean[]
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
