-- Accept a batch of events, of any number of organizations: events, fan-out to deliveries and idempotency records in
-- the caller's one transaction. Whoever calls has authenticated the organizations; this is the one way in.
--
-- The arrays of events run in parallel; those that few events need (channels, joined by commas, ordering keys, origins,
-- unchecked) may be left empty as a whole. So do those of the keys, of which an event may have none, one or two. Answers
-- a row for each event that was not stored: because it was accepted before under one of its keys (which one that was,
-- and whether it was the same request), or because there is no such organization, or it is suspended (`first_id` is
-- null). What it does not answer is stored.
create function hub.accept_events(
    p_org_ids uuid[], p_ids uuid[], p_keys text[], p_types text[], p_bodies bytea[], p_occurred_at timestamptz[],
    p_accepted_at timestamptz[], p_only_endpoint_ids uuid[], p_channels text[], p_ordering_keys text[],
    p_origin_ids uuid[], p_unchecked boolean[],
    k_org_ids uuid[], k_event_ids uuid[], k_scopes text[], k_keys text[], k_hashes bytea[], k_expires_at timestamptz[]
) returns table (id uuid, first_id uuid, same_request boolean, first_key text, first_accepted_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_duplicate_ids uuid[] := '{}';
    v_orgs uuid[];
    v_types text[];
    v_channels text[];
    v_fanouts uuid[];
    v_missing boolean;
    v_ordered boolean;
    v_indexed boolean;
begin
    if cardinality(k_org_ids) > 0 then
        -- In key order, so that two batches with the same keys wait for each other instead of deadlocking.
        insert into hub.idempotency_keys (org_id, scope, key, request_hash, event_id, status, expires_at)
        select k.org_id, k.scope, k.key, k.hash, k.event_id, 202, k.expires_at
        from unnest(k_org_ids, k_event_ids, k_scopes, k_keys, k_hashes, k_expires_at)
            as k (org_id, event_id, scope, key, hash, expires_at)
        order by k.org_id, k.scope, k.key, k.event_id
        on conflict (org_id, scope, key) do nothing;

        select coalesce(array_agg(distinct k.event_id), '{}') into v_duplicate_ids
        from unnest(k_org_ids, k_event_ids, k_scopes, k_keys) as k (org_id, event_id, scope, key)
        join hub.idempotency_keys i on (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key)
        where i.event_id <> k.event_id;
    end if;

    -- One fan-out for each organization, type and set of channels, at the revision this statement sees. An organization
    -- that does not exist or is suspended has none, and its events are not stored.
    for v_try in 1..10 loop
        select array_agg(x.org_id), array_agg(x.type), array_agg(x.channels), array_agg(f.id), bool_or(f.id is null),
            bool_or(f.endpoint_modes && array['key', 'endpoint']), bool_or(t.indexed_attributes <> '{}')
        into v_orgs, v_types, v_channels, v_fanouts, v_missing, v_ordered, v_indexed
        from (
            select distinct e.org_id, e.type, coalesce(e.channels, '')
            from unnest(p_org_ids, p_types, p_channels) as e (org_id, type, channels)
        ) as x (org_id, type, channels)
        join hub.organizations o on o.id = x.org_id and o.suspended_at is null
        left join hub.event_types t on t.org_id = x.org_id and t.name = x.type
        left join hub.webhook_endpoint_revisions r on r.org_id = x.org_id
        left join hub.webhook_fanouts f
            on f.org_id = x.org_id and f.event_type = x.type and f.channels = string_to_array(x.channels, ',')
                and f.revision = coalesce(r.revision, 0);
        exit when v_missing is not true;

        insert into hub.webhook_fanouts (
            org_id, event_type, channels, revision, endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons
        )
        select x.org_id, x.type, string_to_array(x.channels, ','), coalesce(r.revision, 0),
            v.endpoint_ids, v.endpoint_modes, v.skipped_ids, v.skipped_reasons
        from unnest(v_orgs, v_types, v_channels, v_fanouts) as x (org_id, type, channels, fanout_id)
        left join hub.webhook_endpoint_revisions r on r.org_id = x.org_id
        cross join lateral (
            select
                coalesce(array_agg(w.id order by w.id) filter (where w.reason is null), '{}'),
                coalesce(array_agg(w.mode order by w.id) filter (where w.reason is null), '{}'),
                coalesce(array_agg(w.id order by w.id) filter (where w.reason is not null), '{}'),
                coalesce(array_agg(w.reason order by w.id) filter (where w.reason is not null), '{}')
            from (
                select e.id, case when e.kind = 'pull' then 'pull' when e.ordering = 'none' then 'push' else e.ordering end,
                    case
                        when not hub.event_type_matches(x.type, e.event_types) then 'event_type'
                        when not e.channels && string_to_array(x.channels, ',') then 'channel'
                        when e.status = 'disabled' then 'disabled'
                    end
                from hub.webhook_endpoints e where e.org_id = x.org_id
            ) as w (id, mode, reason)
        ) as v (endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons)
        where x.fanout_id is null
        order by x.org_id, x.type, x.channels
        on conflict (org_id, event_type, channels, revision) do nothing;
    end loop;
    if v_missing then
        raise exception 'the endpoints of an organization keep changing' using errcode = 'serialization_failure';
    end if;

    insert into hub.webhook_events (
        org_id, id, key, type, body, occurred_at, accepted_at, fanout_id, only_endpoint_id, channels, ordering_key,
        origin_id, unchecked
    )
    select e.org_id, e.id, e.key, e.type, e.body, e.occurred_at, e.accepted_at, f.id, e.only_endpoint_id,
        string_to_array(nullif(e.channels, ''), ','), e.ordering_key, e.origin_id, coalesce(e.unchecked, false)
    from unnest(
        p_org_ids, p_ids, p_keys, p_types, p_bodies, p_occurred_at, p_accepted_at, p_only_endpoint_ids, p_channels,
        p_ordering_keys, p_origin_ids, p_unchecked
    ) as e (
        org_id, id, key, type, body, occurred_at, accepted_at, only_endpoint_id, channels, ordering_key, origin_id,
        unchecked
    )
    join unnest(v_orgs, v_types, v_channels, v_fanouts) as f (org_id, type, channels, id)
        on f.org_id = e.org_id and f.type = e.type and f.channels = coalesce(e.channels, '')
    where e.id <> all (v_duplicate_ids);

    insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state, due_at)
    select e.org_id, d.endpoint_id, e.id, case d.mode when 'pull' then 'available' else 'pending' end, now()
    from unnest(p_org_ids, p_ids, p_types, p_only_endpoint_ids, p_channels, p_ordering_keys)
        as e (org_id, id, type, only_endpoint_id, channels, ordering_key)
    join unnest(v_orgs, v_types, v_channels, v_fanouts) as f (org_id, type, channels, id)
        on f.org_id = e.org_id and f.type = e.type and f.channels = coalesce(e.channels, '')
    join hub.webhook_fanouts p on p.org_id = f.org_id and p.id = f.id
    cross join lateral unnest(p.endpoint_ids, p.endpoint_modes) as d (endpoint_id, mode)
    where e.only_endpoint_id is null and e.id <> all (v_duplicate_ids)
        and (d.mode in ('push', 'pull') or (d.mode = 'key' and e.ordering_key is null));

    if v_indexed then
        insert into hub.webhook_event_attributes (org_id, event_id, name, value)
        select e.org_id, e.id, a.name, a.value
        from unnest(p_org_ids, p_ids, p_types, p_bodies) as e (org_id, id, type, body)
        join hub.event_types t on t.org_id = e.org_id and t.name = e.type and t.indexed_attributes <> '{}'
        cross join lateral hub.attributes_of(e.body, t.indexed_attributes) as a
        where e.org_id = any (v_orgs) and e.id <> all (v_duplicate_ids)
        on conflict do nothing;
    end if;

    -- Nothing can be searched in the array itself: see webhook_event_attributes.
    if cardinality(p_channels) > 0 then
        insert into hub.webhook_event_attributes (org_id, event_id, name, value)
        select e.org_id, e.id, 'channel', c.name
        from unnest(p_org_ids, p_ids, p_channels) as e (org_id, id, channels)
        cross join lateral string_to_table(e.channels, ',') as c (name)
        where e.org_id = any (v_orgs) and e.id <> all (v_duplicate_ids) and c.name <> ''
        on conflict do nothing;
    end if;

    if v_ordered then
        perform hub.queue_in_lanes(p_org_ids, p_ids, v_duplicate_ids);
    end if;

    -- Tests and edited copies are for one endpoint, whatever its patterns say, and no part of any order.
    if exists (select from unnest(p_only_endpoint_ids) as o (id) where o.id is not null) then
        insert into hub.webhook_deliveries (org_id, endpoint_id, event_id, state)
        select e.org_id, e.only_endpoint_id, e.id, case w.kind when 'pull' then 'available' else 'pending' end
        from unnest(p_org_ids, p_ids, p_only_endpoint_ids) as e (org_id, id, only_endpoint_id)
        join hub.organizations o on o.id = e.org_id and o.suspended_at is null
        left join hub.webhook_endpoints w on w.org_id = e.org_id and w.id = e.only_endpoint_id
        where e.only_endpoint_id is not null and e.id <> all (v_duplicate_ids);
    end if;

    if cardinality(k_org_ids) > 0 then
        -- An event with two keys, of which only one was known: the other must not point at what was never stored.
        if cardinality(v_duplicate_ids) > 0 then
            delete from hub.idempotency_keys i using unnest(k_org_ids, k_scopes, k_keys) as k (org_id, scope, key)
            where (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key) and i.event_id = any (v_duplicate_ids);
        end if;
        return query
            select distinct on (k.event_id) k.event_id, i.event_id, i.request_hash = k.hash, e.key, e.accepted_at
            from unnest(k_org_ids, k_event_ids, k_scopes, k_keys, k_hashes) as k (org_id, event_id, scope, key, hash)
            join hub.idempotency_keys i on (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key)
            left join hub.webhook_events e on e.org_id = i.org_id and e.id = i.event_id
            where i.event_id <> k.event_id
            order by k.event_id, i.request_hash = k.hash;

        -- What is refused must not be remembered as accepted: it is to be stored when it comes again.
        delete from hub.idempotency_keys i
        using unnest(k_org_ids, k_event_ids, k_scopes, k_keys) as k (org_id, event_id, scope, key)
        where (i.org_id, i.scope, i.key) = (k.org_id, k.scope, k.key) and i.event_id = k.event_id
            and k.org_id <> all (coalesce(v_orgs, '{}'));
    end if;

    return query
        select e.id, null::uuid, false, null::text, null::timestamptz
        from unnest(p_org_ids, p_ids) as e (org_id, id)
        where e.org_id <> all (coalesce(v_orgs, '{}')) and e.id <> all (v_duplicate_ids);
end
$$;
alter function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) owner to hub_definer;
revoke execute on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) from public;
grant execute on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) to hub_app, hub_worker;
comment on function hub.accept_events(
    uuid[], uuid[], text[], text[], bytea[], timestamptz[], timestamptz[], uuid[], text[], text[], uuid[], boolean[],
    uuid[], uuid[], text[], text[], bytea[], timestamptz[]
) is 'Accept a batch of events with their fan-out and idempotency records; answers those accepted before.';
