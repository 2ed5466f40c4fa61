-- Which of an organization's events, after one and before another, a replay to an endpoint would send: every event
-- looked at, in order, and whether it is wanted.
create function hub.replay_candidates(
    p_org_id uuid, p_endpoint_id uuid, p_what text, p_event_types text[], p_after uuid, p_before uuid, p_limit integer
) returns table (event_id uuid, wanted boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
begin
    return query
    select e.id,
        e.body is not null and e.only_endpoint_id is null
            and hub.event_type_matches(e.type, p_event_types) and hub.event_type_matches(e.type, w.event_types)
            and (w.channels is null or coalesce(w.channels && e.channels, false))
            and case
                when d.event_id is null then p_what in ('all', 'missing')
                when d.state in ('blocked', 'parked', 'exhausted', 'cancelled') then p_what in ('all', 'failed')
                else p_what = 'all' and not d.open
            end
    from (
        select x.* from hub.webhook_events x
        where x.org_id = p_org_id and x.id > p_after and x.id < p_before
        order by x.id limit p_limit
    ) as e
    join hub.webhook_endpoints w on w.org_id = p_org_id and w.id = p_endpoint_id
    left join hub.webhook_deliveries d on d.org_id = p_org_id and d.event_id = e.id and d.endpoint_id = p_endpoint_id
    order by e.id;
end
$$;
alter function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) owner to hub_definer;
revoke execute on function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) from public;
comment on function hub.replay_candidates(uuid, uuid, text, text[], uuid, uuid, integer) is
    'The events a replay would look at next, and which of them it would send.';


-- How many events a replay would send. It stops counting after a million events or five seconds: `counted_all` says
-- whether it came to the end.
create function hub.count_replay(
    p_org_id uuid, p_endpoint_id uuid, p_what text, p_event_types text[], p_from uuid, p_before uuid,
    out wanted bigint, out examined bigint, out counted_all boolean
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_until timestamptz := clock_timestamp() + interval '5 seconds';
    v_after uuid := p_from;
    v_page record;
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'replays are counted by their own organization' using errcode = 'insufficient_privilege';
    end if;
    wanted := 0;
    examined := 0;
    loop
        select count(*) as n, count(*) filter (where c.wanted) as w, max(c.event_id::text)::uuid as last into v_page
        from hub.replay_candidates(p_org_id, p_endpoint_id, p_what, p_event_types, v_after, p_before, 5000) as c;
        wanted := wanted + v_page.w;
        examined := examined + v_page.n;
        counted_all := v_page.n < 5000;
        exit when counted_all or examined >= 1000000 or clock_timestamp() > v_until;
        v_after := v_page.last;
    end loop;
end
$$;
alter function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) owner to hub_definer;
revoke execute on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) from public;
grant execute on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) to hub_app;
comment on function hub.count_replay(uuid, uuid, text, text[], uuid, uuid) is 'How many events a replay would send.';


-- Send events to an endpoint (again): a delivery is made where there is none, one that ended or was put aside begins
-- anew, one that is open is let be. Answers how many are on their way.
create function hub.requeue_deliveries(p_org_id uuid, p_endpoint_id uuid, p_event_ids uuid[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_count integer;
    v_lanes text[];
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'deliveries are sent again by their own organization' using errcode = 'insufficient_privilege';
    end if;
    with wanted as materialized (
        select e.id as event_id,
            case
                when w.ordering = 'endpoint' then ''
                when w.ordering = 'key' then e.ordering_key
            end as lane,
            w.kind, row_number() over (order by e.id) as n
        from hub.webhook_endpoints w
        join hub.webhook_events e on e.org_id = w.org_id and e.id = any (p_event_ids)
        where w.org_id = p_org_id and w.id = p_endpoint_id and e.body is not null
    ),
    numbered as materialized (
        select o.event_id, o.lane, case when o.lane is not null then nextval('hub.webhook_lane_sequence') end as sequence,
            case when o.kind = 'pull' then 'available' when o.lane is not null then 'queued' else 'pending' end as state
        from (select * from wanted order by n) as o
    ),
    begun as (
        update hub.webhook_deliveries d
        set open = true, state = n.state, due_at = clock_timestamp(), step = 0, restarted_at = now(), ended_at = null,
            reason = null, resume_state = null, resume_at = null, leased = false, lane = n.lane, sequence = n.sequence
        from numbered n
        where d.org_id = p_org_id and d.endpoint_id = p_endpoint_id and d.event_id = n.event_id
            and (not d.open or d.state in ('blocked', 'parked'))
        returning d.event_id, d.lane
    ),
    made as (
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, restarted_at, lane, sequence)
        select p_org_id, p_endpoint_id, n.event_id, n.state, now(), n.lane, n.sequence
        from numbered n
        where not exists (
            select from hub.webhook_deliveries d
            where d.org_id = p_org_id and d.endpoint_id = p_endpoint_id and d.event_id = n.event_id
        )
        on conflict do nothing
        returning event_id, lane
    )
    select count(*), array_agg(distinct x.lane) filter (where x.lane is not null) into v_count, v_lanes
    from (select * from begun union all select * from made) as x;
    if v_lanes is not null then
        perform hub.promote_lanes(
            array_fill(p_org_id, array[cardinality(v_lanes)]), array_fill(p_endpoint_id, array[cardinality(v_lanes)]), v_lanes
        );
    end if;
    return v_count;
end
$$;
alter function hub.requeue_deliveries(uuid, uuid, uuid[]) owner to hub_definer;
revoke execute on function hub.requeue_deliveries(uuid, uuid, uuid[]) from public;
grant execute on function hub.requeue_deliveries(uuid, uuid, uuid[]) to hub_app;
comment on function hub.requeue_deliveries(uuid, uuid, uuid[]) is 'Send events to an endpoint (again).';


-- One step of one replay that is due: queue its next deliveries and move its cursor. Answers whether there was one, and
-- how many it queued. With a thousand of the endpoint's waiting already, it waits for these.
create function hub.step_replay(out stepped boolean, out queued integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_replay hub.webhook_replays;
    v_room integer;
    v_looked integer;
    v_events uuid[];
    v_last uuid;
begin
    queued := 0;
    select r.* into v_replay from hub.webhook_replays r
    where r.state = 'running' and r.due_at <= clock_timestamp()
    order by r.due_at limit 1 for update skip locked;
    stepped := v_replay.id is not null;
    if not stepped then
        return;
    end if;
    perform set_config('hub.org', v_replay.org_id::text, true);
    select 1000 - count(*) into v_room from (
        select from hub.webhook_deliveries d
        where d.open and d.state = 'pending' and d.org_id = v_replay.org_id and d.endpoint_id = v_replay.endpoint_id
        limit 1000
    ) as waiting;
    v_room := least(v_room, 500, case when v_replay.rate is not null then greatest(ceil(v_replay.rate)::integer, 1) end);
    if v_room < 1 then
        update hub.webhook_replays r set due_at = clock_timestamp() + interval '200 milliseconds'
        where r.org_id = v_replay.org_id and r.id = v_replay.id;
        return;
    end if;

    select count(*), (array_agg(c.event_id order by c.event_id) filter (where c.wanted))[:v_room],
        max(c.event_id::text)::uuid
    into v_looked, v_events, v_last
    from hub.replay_candidates(
        v_replay.org_id, v_replay.endpoint_id, v_replay.what, v_replay.event_types, v_replay.cursor_id, v_replay.to_id,
        2000
    ) as c;
    if cardinality(v_events) = v_room then
        v_last := v_events[v_room];
        select count(*) into v_looked from hub.webhook_events e
        where e.org_id = v_replay.org_id and e.id > v_replay.cursor_id and e.id <= v_last;
    elsif v_looked < 2000 then
        v_last := null;
    end if;
    if v_events is not null then
        queued := hub.requeue_deliveries(v_replay.org_id, v_replay.endpoint_id, v_events);
    end if;
    update hub.webhook_replays r
    set cursor_id = coalesce(v_last, r.cursor_id), examined = r.examined + v_looked, queued = r.queued + step_replay.queued,
        state = case when v_last is null then 'completed' else 'running' end,
        finished_at = case when v_last is null then clock_timestamp() end,
        due_at = clock_timestamp() + coalesce(step_replay.queued / r.rate, 0) * interval '1 second'
    where r.org_id = v_replay.org_id and r.id = v_replay.id;
    perform set_config('hub.org', '', true);
end
$$;
alter function hub.step_replay() owner to hub_definer;
revoke execute on function hub.step_replay() from public;
grant execute on function hub.step_replay() to hub_worker;
comment on function hub.step_replay() is 'One step of one replay that is due, in one transaction.';
