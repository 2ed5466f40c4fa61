-- The worker's side of the queue: claim, keep, record. All three see every organization, so they are definer functions;
-- between them the worker holds no transaction.

-- How many deliveries may be taken for an endpoint that has a limit or is in trouble: what its circuit, its concurrency
-- and its rate leave. Tokens are taken here, for as many as are due.
--
-- Two workers must not both count what is in flight and both fill it up: whoever comes second gets nothing this time.
-- It is a function so that it sees what the first has committed since the claim's own statement began.
create function hub.endpoint_allowance(p_org_id uuid, p_endpoint_id uuid, p_lease interval) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_endpoint record;
    v_gate record;
    v_leased integer;
    v_due integer;
    v_tokens double precision;
    v_allowed integer := 128;
begin
    if not pg_try_advisory_xact_lock(hashtextextended(p_endpoint_id::text, 0)) then
        return 0;
    end if;
    select e.concurrency, e.rate_limit into v_endpoint
    from hub.webhook_endpoints e where e.org_id = p_org_id and e.id = p_endpoint_id;
    select g.circuit, g.failures, g.opens_until, g.slow_until, g.tokens, g.tokens_at into v_gate
    from hub.webhook_endpoint_gates g where g.org_id = p_org_id and g.endpoint_id = p_endpoint_id;
    if v_gate.slow_until > v_now or (v_gate.circuit <> 'closed' and v_gate.opens_until > v_now) then
        return 0;
    end if;
    if v_gate.circuit <> 'closed' then
        -- One probe, and should nothing be heard of it, the next when its lease is over: BreakerSettings.probe_lease.
        if not exists (
            select from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
                and d.due_at <= v_now
        ) then
            return 0;
        end if;
        update hub.webhook_endpoint_gates g set circuit = 'half_open', opens_until = v_now + interval '60 seconds'
        where g.org_id = p_org_id and g.endpoint_id = p_endpoint_id;
        return 1;
    end if;
    -- What is in flight has its due time within a lease from now.
    select count(*) into v_leased
    from hub.webhook_deliveries d
    where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
        and d.due_at > v_now and d.due_at <= v_now + p_lease and d.leased;
    if v_gate.failures > 0 then
        v_allowed := 8 - v_leased;
    end if;
    v_allowed := least(v_allowed, v_endpoint.concurrency - v_leased);
    if v_allowed > 0 and v_endpoint.rate_limit is not null then
        -- A bucket of a second's worth. A clock that went back gives nothing, and takes nothing away.
        v_tokens := least(
            greatest(v_endpoint.rate_limit, 1),
            coalesce(v_gate.tokens, 1)
                + v_endpoint.rate_limit * greatest(extract(epoch from v_now - coalesce(v_gate.tokens_at, v_now)), 0)
        );
        select count(*) into v_due from (
            select from hub.webhook_deliveries d
            where d.open and d.state = 'pending' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
                and d.due_at <= v_now
            limit 128
        ) as due;
        v_allowed := least(v_allowed, v_due, floor(v_tokens)::integer);
        insert into hub.webhook_endpoint_gates (org_id, endpoint_id, tokens, tokens_at)
        values (p_org_id, p_endpoint_id, v_tokens - v_allowed, v_now)
        on conflict (org_id, endpoint_id) do update set tokens = excluded.tokens, tokens_at = excluded.tokens_at;
    end if;
    return greatest(v_allowed, 0);
end
$$;
alter function hub.endpoint_allowance(uuid, uuid, interval) owner to hub_definer;
revoke execute on function hub.endpoint_allowance(uuid, uuid, interval) from public;
comment on function hub.endpoint_allowance(uuid, uuid, interval) is
    'How many deliveries of an endpoint that is limited or in trouble may be taken now.';


-- A delivery that has just been leased: what `claim_deliveries` knows of it before it looks up the rest.
create type hub.claimed_delivery as (
    org_id uuid, endpoint_id uuid, event_id uuid, attempts smallint, step smallint, fence integer, reclaimed boolean,
    due_at timestamptz, resume_state text, restarted_at timestamptz, lane text, limited boolean, troubled boolean
);
comment on type hub.claimed_delivery is 'A delivery that has just been leased to a worker.';


-- Take due deliveries in hand for the length of the lease, 256 at most.
--
-- Fair in two steps. The room is shared out evenly among the organizations that have any open, 64 at most from just
-- after the given one; what some leave over goes to those that want more. An organization's share goes to its
-- endpoints in turn, 32 to each at first, from just after the one where its share ended last time (`p_turn_*`). So
-- neither a flood nor a dead receiver keeps the others waiting for longer than a round. `p_busy` and `p_busy_orgs`
-- pass over endpoints and organizations of which the worker has its fill, without looking at their rows.
--
-- Who has something open is found by walking the index of what is due. While a transaction elsewhere is held open, a
-- backup's say, nothing that has been claimed or has ended can be cleared from it, and the walk goes over all of that. So
-- a worker may name endpoints that it knows (`p_known_*`), each with a moment before which nothing of it is due any more:
-- then these alone are looked at, from there on. What it does not know of, or came late, waits for its next walk.
--
-- Answers with each: what an organization's share was, and, if there are more organizations, the one to go on after.
--
-- The planner is held to index scans: it plans this while the queue is empty and would choose to read the whole table.
-- The rows just locked cannot move, so they are updated where they lie, by ctid: all open ones are in one partition.
-- A body over 64 KiB is left out: the worker fetches it when it sends it, so that what it has in hand stays small.
-- Comparing with a variable, and not with clock_timestamp(), lets the due time be part of the index condition.
create function hub.claim_deliveries(
    p_after_org_id uuid, p_turn_org_ids uuid[], p_turn_endpoint_ids uuid[], p_busy uuid[], p_busy_orgs uuid[],
    p_lease interval, p_known_org_ids uuid[], p_known_endpoint_ids uuid[], p_known_floors timestamptz[]
) returns table (
    org_id uuid, endpoint_id uuid, event_id uuid, attempts smallint, step smallint, fence integer, reclaimed boolean,
    due_at timestamptz, resume_state text, chain_from timestamptz, lane text, limited boolean, troubled boolean,
    event_key text, body bytea, accepted_at timestamptz, unchecked boolean, endpoint_status text,
    endpoint_updated_at timestamptz, batch_size smallint, batch_wait_ms integer, share integer, page_end uuid,
    claimed_at timestamptz
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
    v_walk boolean := cardinality(p_known_endpoint_ids) = 0;
    v_after uuid := p_after_org_id;
    v_page_end uuid;
    v_orgs uuid[];
    v_share integer;
    v_first_share integer;
    v_claimed hub.claimed_delivery[] := '{}';
    v_more hub.claimed_delivery[];
    v_full uuid[];
begin
    loop
        with recursive org (org_id, n) as (
            (
                select d.org_id, 1 from hub.webhook_deliveries d
                where v_walk and d.open and d.state = 'pending' and d.org_id > v_after
                order by d.org_id limit 1
            )
            union all
            select n.org_id, o.n + 1
            from org o
            cross join lateral (
                select d.org_id from hub.webhook_deliveries d
                where d.open and d.state = 'pending' and d.org_id > o.org_id
                order by d.org_id limit 1
            ) as n
            where o.n < 64
        )
        select array_agg(o.org_id order by o.n) filter (where o.org_id <> all (p_busy_orgs)),
            max(o.org_id::text) filter (where o.n = 64)
        into v_orgs, v_page_end
        from org o;
        if not v_walk then
            select array_agg(distinct k.org_id) into v_orgs
            from unnest(p_known_org_ids) as k (org_id) where k.org_id <> all (p_busy_orgs);
        end if;

        for v_pass in 1..3 loop
            exit when v_orgs is null;
            v_share := (256 - cardinality(v_claimed)) / cardinality(v_orgs);
            v_first_share := coalesce(v_first_share, v_share);
            exit when v_share = 0;
            with picked as materialized (
                select o.org_id, q.*
                from unnest(v_orgs) as o (org_id)
                cross join lateral (
                    select q.ctid, q.leased, q.due_at, m.limited, m.troubled, t.endpoint_id,
                        case when not m.limited then t.most end as most
                    from (
                        with recursive turn (endpoint_id) as (
                            (
                                select d.endpoint_id from hub.webhook_deliveries d
                                where v_walk and d.open and d.state = 'pending' and d.org_id = o.org_id
                                    and d.endpoint_id > coalesce(
                                        case when v_pass = 1 then p_turn_endpoint_ids[array_position(p_turn_org_ids, o.org_id)] end,
                                        '00000000-0000-0000-0000-000000000000'
                                    )
                                order by d.endpoint_id limit 1
                            )
                            union all
                            select n.endpoint_id
                            from turn t
                            cross join lateral (
                                select d.endpoint_id from hub.webhook_deliveries d
                                where d.open and d.state = 'pending' and d.org_id = o.org_id
                                    and d.endpoint_id > t.endpoint_id
                                order by d.endpoint_id limit 1
                            ) as n
                        )
                        -- Where few endpoints have anything, the first pass need not leave room for many: the second
                        -- costs as much again.
                        select t.endpoint_id,
                            case
                                when v_pass > 1 then 128
                                else 128 / (select count(*) from (select from turn limit 4) as few)
                            end as most,
                            '-infinity'::timestamptz as floor
                        from turn t where t.endpoint_id <> all (p_busy)
                        union all
                        select k.endpoint_id,
                            case when v_pass > 1 then 128 else 128 / least(cardinality(p_known_endpoint_ids), 4) end,
                            k.floor
                        from unnest(p_known_org_ids, p_known_endpoint_ids, p_known_floors) as k (org_id, endpoint_id, floor)
                        where k.org_id = o.org_id
                    ) as t
                    left join hub.webhook_endpoints w on w.org_id = o.org_id and w.id = t.endpoint_id
                    left join hub.webhook_endpoint_gates g on g.org_id = o.org_id and g.endpoint_id = t.endpoint_id
                    cross join lateral (
                        select
                            w.rate_limit is not null or w.concurrency is not null or coalesce(g.failures > 0, false)
                                or coalesce(g.slow_until > v_now, false),
                            coalesce(g.failures > 0, false)
                    ) as m (limited, troubled)
                    cross join lateral (
                        select d.ctid, d.leased, d.due_at from hub.webhook_deliveries d
                        where d.open and d.state = 'pending' and d.org_id = o.org_id and d.endpoint_id = t.endpoint_id
                            and d.due_at >= t.floor and d.due_at <= v_now
                        order by d.due_at
                        limit case
                            when m.limited then hub.endpoint_allowance(o.org_id, t.endpoint_id, p_lease)
                            else t.most
                        end
                        for update skip locked
                    ) as q
                    limit v_share
                ) as q
            ),
            claimed as (
                update hub.webhook_deliveries d
                set due_at = v_now + p_lease, leased = true, fence = d.fence + 1
                from picked p
                where d.open and d.ctid = p.ctid
                returning d.org_id, d.endpoint_id, d.event_id, d.attempts, d.step, d.fence, p.leased, p.due_at,
                    d.resume_state, d.restarted_at, d.lane, p.limited, p.troubled
            )
            select (select array_agg(c::hub.claimed_delivery) from claimed c),
                (
                    select array_agg(f.org_id)
                    from (select p.org_id from picked p group by p.org_id, p.endpoint_id having count(*) >= max(p.most)) as f
                )
            into v_more, v_full;
            v_claimed := v_claimed || coalesce(v_more, '{}');
            -- Those that took all they were offered may want what the others left, and those whose turn began in the
            -- middle may have more before it.
            select array_agg(m.org_id) into v_orgs
            from (
                select c.org_id from unnest(v_more) as c group by c.org_id having count(*) >= v_share
                union
                select o.org_id from unnest(v_orgs) as o (org_id)
                where v_pass = 1 and (o.org_id = any (v_full) or o.org_id = any (p_turn_org_ids))
            ) as m;
        end loop;
        exit when cardinality(v_claimed) > 0 or v_page_end is null;
        v_after := v_page_end;
    end loop;

    return query
    select c.org_id, c.endpoint_id, c.event_id, c.attempts, c.step, c.fence, c.reclaimed, c.due_at, c.resume_state,
        coalesce(c.restarted_at, e.accepted_at), c.lane, c.limited, c.troubled, e.key,
        case when octet_length(e.body) <= 65536 then e.body end, e.accepted_at, e.unchecked,
        w.status, w.updated_at, w.batch_size, w.batch_wait_ms, v_first_share, v_page_end, v_now
    from unnest(v_claimed) as c
    left join hub.webhook_events e on e.org_id = c.org_id and e.id = c.event_id
    left join hub.webhook_endpoints w on w.org_id = c.org_id and w.id = c.endpoint_id;
end
$$;
alter function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) owner to hub_definer;
revoke execute on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) from public;
grant execute on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) to hub_worker;
comment on function hub.claim_deliveries(
    uuid, uuid[], uuid[], uuid[], uuid[], interval, uuid[], uuid[], timestamptz[]
) is
    'Lease due deliveries to a worker, fairly over organizations and endpoints, with all it needs to send them.';
