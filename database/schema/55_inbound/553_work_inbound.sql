-- The way of a message: stored at the door, claimed by a worker, finished. These see every organization, so they are
-- definer functions.

-- Store a message, unless the source has had the provider's event id before: then it only counts the repetition.
-- Answers the message that is stored now or was then. Two at once under one id wait for each other.
create function hub.store_inbound_message(
    p_org_id uuid, p_source_id uuid, p_id uuid, p_provider_event_id text, p_seen_until timestamptz, p_method text,
    p_query text, p_headers json, p_body bytea, p_verdict text
) returns table (message_id uuid, stored boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_first uuid;
begin
    if p_provider_event_id is not null then
        -- One that is past its time is as good as none, whether it has been swept away yet or not.
        insert into hub.inbound_seen as s (org_id, source_id, provider_event_id, message_id, expires_at)
        values (p_org_id, p_source_id, p_provider_event_id, p_id, p_seen_until)
        on conflict (org_id, source_id, provider_event_id) do update set
            message_id = case when s.expires_at < now() then excluded.message_id else s.message_id end,
            expires_at = case when s.expires_at < now() then excluded.expires_at else s.expires_at end,
            repeats = case when s.expires_at < now() then 0 else s.repeats + 1 end
        returning s.message_id into v_first;
        if v_first <> p_id then
            return query select v_first, false;
            return;
        end if;
    end if;
    insert into hub.inbound_messages
        (org_id, id, source_id, provider_event_id, method, query, headers, body, verdict, state)
    values (
        p_org_id, p_id, p_source_id, p_provider_event_id, p_method, p_query, p_headers, p_body, p_verdict,
        case when p_verdict = 'handshake' then 'ignored' else 'received' end
    );
    return query select p_id, true;
end
$$;
alter function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    owner to hub_definer;
revoke execute on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    from public;
grant execute on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text)
    to hub_app, hub_worker;
comment on function hub.store_inbound_message(uuid, uuid, uuid, text, timestamptz, text, text, json, bytea, text) is
    'Store what a source has verified, once for each event id of its provider.';


-- Count refused requests, many at once: the arrays run in parallel.
create function hub.count_inbound_refusals(
    p_org_ids uuid[], p_source_ids uuid[], p_reasons text[], p_counts bigint[], p_addresses text[]
) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into hub.inbound_refusals as r (org_id, source_id, day, reason, count, first_at, last_at, last_address)
    select x.org_id, x.source_id, (now() at time zone 'UTC')::date, x.reason, x.count, now(), now(), x.address
    from unnest(p_org_ids, p_source_ids, p_reasons, p_counts, p_addresses)
        as x (org_id, source_id, reason, count, address)
    order by x.org_id, x.source_id, x.reason
    on conflict (org_id, source_id, day, reason) do update
    set count = r.count + excluded.count, last_at = excluded.last_at, last_address = excluded.last_address
$$;
alter function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) owner to hub_definer;
revoke execute on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) from public;
grant execute on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) to hub_app;
comment on function hub.count_inbound_refusals(uuid[], uuid[], text[], bigint[], text[]) is
    'Count requests that sources refused, by day and reason.';


-- Take due messages in hand for the length of the lease, 32 at most, with what processing them takes. One whose worker
-- died comes back when its lease runs out; its attempt counts, so that what kills workers does not do so for ever.
create function hub.claim_inbound_messages(p_lease interval)
returns table (
    org_id uuid, id uuid, source_id uuid, provider_event_id text, method text, query text, headers json, body bytea,
    received_at timestamptz, attempts smallint, replays integer, fence integer, route text, endpoint_id uuid,
    event_type text, event_type_from jsonb, instance_id uuid, connection_id uuid, integration_slug text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select m.org_id, m.id from hub.inbound_messages m
        where m.state = 'received' and m.due_at <= v_now
        order by m.due_at limit 32
        for update skip locked
    ),
    claimed as (
        update hub.inbound_messages m
        set due_at = v_now + p_lease, leased = true, fence = m.fence + 1, attempts = m.attempts + 1
        from picked p
        where m.org_id = p.org_id and m.id = p.id
        returning m.*
    )
    select c.org_id, c.id, c.source_id, c.provider_event_id, c.method, c.query, c.headers, c.body, c.received_at,
        c.attempts, c.replays, c.fence, s.route, s.endpoint_id, s.event_type, s.event_type_from,
        s.instance_id, s.connection_id, s.integration_slug
    from claimed c
    left join hub.inbound_sources s on s.org_id = c.org_id and s.id = c.source_id;
end
$$;
alter function hub.claim_inbound_messages(interval) owner to hub_definer;
revoke execute on function hub.claim_inbound_messages(interval) from public;
grant execute on function hub.claim_inbound_messages(interval) to hub_worker;
comment on function hub.claim_inbound_messages(interval) is 'Lease due inbound messages to a worker, with their routes.';


-- Give messages back with what became of them: processed, failed or ignored (the end), or received (again, after
-- `p_delay_ms`). One that is no longer leased, or whose fence has moved on, belongs to another by now and is left
-- alone; answers those. Each message's events are one text, an array literal: arrays of arrays are all of one length.
create function hub.finish_inbound_messages(
    p_org_ids uuid[], p_ids uuid[], p_fences integer[], p_states text[], p_delay_ms bigint[], p_event_ids text[],
    p_errors text[]
) returns setof uuid
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with given as materialized (
        select * from unnest(p_org_ids, p_ids, p_fences, p_states, p_delay_ms, p_event_ids, p_errors)
            as g (org_id, id, fence, state, delay_ms, event_ids, error)
    ),
    moved as (
        update hub.inbound_messages m
        set state = g.state, leased = false, error = g.error, event_id = coalesce((g.event_ids::uuid[])[1], m.event_id),
            event_ids = case when cardinality(g.event_ids::uuid[]) > 1 then g.event_ids::uuid[] else m.event_ids end,
            due_at = case when g.state = 'received' then clock_timestamp() + g.delay_ms * interval '1 millisecond' else m.due_at end
        from given g
        where m.org_id = g.org_id and m.id = g.id and m.leased and m.fence = g.fence
        returning m.id
    )
    select g.id from given g where g.id not in (select id from moved)
$$;
alter function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    owner to hub_definer;
revoke execute on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    from public;
grant execute on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[])
    to hub_worker;
comment on function hub.finish_inbound_messages(uuid[], uuid[], integer[], text[], bigint[], text[], text[]) is
    'Move inbound messages on, unless another worker holds them by now; answers those.';


-- Forget event ids and secrets that have expired, and counts of refusals older than 90 days: 5,000 of each at most.
create function hub.forget_inbound() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_seen bigint;
    v_secrets bigint;
    v_refusals bigint;
begin
    with old as (
        select org_id, source_id, provider_event_id from hub.inbound_seen where expires_at < now()
        order by expires_at limit 5000
    )
    delete from hub.inbound_seen s using old
    where (s.org_id, s.source_id, s.provider_event_id) = (old.org_id, old.source_id, old.provider_event_id)
        and s.expires_at < now();
    get diagnostics v_seen = row_count;
    with old as (select org_id, source_id, id from hub.inbound_source_secrets where expires_at < now() limit 5000)
    delete from hub.inbound_source_secrets k using old
    where (k.org_id, k.source_id, k.id) = (old.org_id, old.source_id, old.id);
    get diagnostics v_secrets = row_count;
    with old as (
        select org_id, source_id, day, reason from hub.inbound_refusals where day < now() - interval '90 days' limit 5000
    )
    delete from hub.inbound_refusals r using old
    where (r.org_id, r.source_id, r.day, r.reason) = (old.org_id, old.source_id, old.day, old.reason);
    get diagnostics v_refusals = row_count;
    return v_seen + v_secrets + v_refusals;
end
$$;
alter function hub.forget_inbound() owner to hub_definer;
revoke execute on function hub.forget_inbound() from public;
grant execute on function hub.forget_inbound() to hub_worker;
comment on function hub.forget_inbound() is 'Delete expired event ids, secrets and old counts of refusals, a batch at a time.';


-- Remove the message that became an event, when the event's own is removed. That it came is remembered by its
-- provider's event id, so that it is not taken again.
create function hub.forget_inbound_of(p_org_id uuid, p_event_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    if p_org_id is distinct from hub.current_org() then
        return 0;
    end if;
    delete from hub.inbound_messages m
    where m.org_id = p_org_id
        and (m.event_id = p_event_id or (m.event_ids is not null and m.event_ids @> array[p_event_id]));
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_inbound_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.forget_inbound_of(uuid, uuid) from public;
grant execute on function hub.forget_inbound_of(uuid, uuid) to hub_app;
comment on function hub.forget_inbound_of(uuid, uuid) is 'Delete the inbound message that became an event of the caller''s organization.';
