-- Lanes: deliveries of an endpoint that keeps order, one after the other. All of these see every organization.
--
-- Nothing here waits for anybody: a publisher whose own transaction stays open (see trigger_webhook) must not hold up
-- the workers. So a lane whose last head ended just while another event joined it may be left without one; whoever
-- sweeps (promote_lanes_left) finds it within a second. Two publishers that join an empty lane at the very same time
-- both become its head: neither came first.

-- Put the events of a batch that has just been stored into the lanes of those of its endpoints that keep order.
create function hub.queue_in_lanes(p_org_ids uuid[], p_ids uuid[], p_duplicate_ids uuid[]) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_orgs uuid[];
    v_endpoints uuid[];
    v_lanes text[];
begin
    with joined as (
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, due_at, lane, sequence)
        select e.org_id, d.endpoint_id, e.id, 'queued', 'infinity', case d.mode when 'key' then e.ordering_key else '' end,
            nextval('hub.webhook_lane_sequence')
        from unnest(p_org_ids, p_ids) with ordinality as g (org_id, id, n)
        join hub.webhook_events e on e.org_id = g.org_id and e.id = g.id
        join hub.webhook_fanouts p on p.org_id = e.org_id and p.id = e.fanout_id
        cross join lateral unnest(p.endpoint_ids, p.endpoint_modes) as d (endpoint_id, mode)
        where e.only_endpoint_id is null and e.id <> all (p_duplicate_ids)
            and (d.mode = 'endpoint' or (d.mode = 'key' and e.ordering_key is not null))
        order by g.n
        returning org_id, endpoint_id, lane
    )
    select array_agg(j.org_id), array_agg(j.endpoint_id), array_agg(j.lane) into v_orgs, v_endpoints, v_lanes
    from (select distinct org_id, endpoint_id, lane from joined) as j;
    perform hub.promote_lanes(v_orgs, v_endpoints, v_lanes);
end
$$;
alter function hub.queue_in_lanes(uuid[], uuid[], uuid[]) owner to hub_definer;
revoke execute on function hub.queue_in_lanes(uuid[], uuid[], uuid[]) from public;
comment on function hub.queue_in_lanes(uuid[], uuid[], uuid[]) is 'Put stored events into the lanes of endpoints that keep order.';


-- Make the next of each lane that has no head its head; answers how many became one.
create function hub.promote_lanes(p_org_ids uuid[], p_endpoint_ids uuid[], p_lanes text[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    v_count integer;
begin
    update hub.webhook_deliveries d
    set state = 'pending', due_at = clock_timestamp()
    from (select distinct * from unnest(p_org_ids, p_endpoint_ids, p_lanes)) as l (org_id, endpoint_id, lane)
    cross join lateral (
        select q.event_id, q.state from hub.webhook_deliveries q
        where q.open and q.org_id = l.org_id and q.endpoint_id = l.endpoint_id and q.lane = l.lane
            and q.state <> 'parked'
        order by q.sequence limit 1
    ) as head
    where head.state = 'queued' and d.open and d.state = 'queued'
        and d.org_id = l.org_id and d.endpoint_id = l.endpoint_id and d.event_id = head.event_id;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.promote_lanes(uuid[], uuid[], text[]) owner to hub_definer;
revoke execute on function hub.promote_lanes(uuid[], uuid[], text[]) from public;
grant execute on function hub.promote_lanes(uuid[], uuid[], text[]) to hub_app, hub_worker;
comment on function hub.promote_lanes(uuid[], uuid[], text[]) is 'Give lanes without a head their next one.';


-- The sweep: promote in lanes that were left without a head, from the given lane on, a thousand lanes a call. Answers
-- the last lane looked at, or no row at the end, and how many it promoted.
create function hub.promote_lanes_left(inout p_org_id uuid, inout p_endpoint_id uuid, inout p_lane text, out promoted integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
    v_orgs uuid[];
    v_endpoints uuid[];
    v_lanes text[];
begin
    with recursive lane (org_id, endpoint_id, lane, n) as (
        (
            select d.org_id, d.endpoint_id, d.lane, 1 from hub.webhook_deliveries d
            where d.open and d.lane is not null and (d.org_id, d.endpoint_id, d.lane) > (p_org_id, p_endpoint_id, p_lane)
            order by d.org_id, d.endpoint_id, d.lane limit 1
        )
        union all
        select n.org_id, n.endpoint_id, n.lane, l.n + 1
        from lane l
        cross join lateral (
            select d.org_id, d.endpoint_id, d.lane from hub.webhook_deliveries d
            where d.open and d.lane is not null and (d.org_id, d.endpoint_id, d.lane) > (l.org_id, l.endpoint_id, l.lane)
            order by d.org_id, d.endpoint_id, d.lane limit 1
        ) as n
        where l.n < 1000
    )
    select array_agg(l.org_id order by l.n), array_agg(l.endpoint_id order by l.n), array_agg(l.lane order by l.n)
    into v_orgs, v_endpoints, v_lanes from lane l;
    promoted := hub.promote_lanes(v_orgs, v_endpoints, v_lanes);
    p_org_id := v_orgs[1000];
    p_endpoint_id := v_endpoints[1000];
    p_lane := v_lanes[1000];
end
$$;
alter function hub.promote_lanes_left(uuid, uuid, text) owner to hub_definer;
revoke execute on function hub.promote_lanes_left(uuid, uuid, text) from public;
grant execute on function hub.promote_lanes_left(uuid, uuid, text) to hub_worker;
comment on function hub.promote_lanes_left(uuid, uuid, text) is 'Promote in lanes that were left without a head, a page at a time.';
