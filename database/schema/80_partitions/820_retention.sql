-- Weeks that nobody keeps any more are dropped whole, however much is in them: no row is looked at. `p_attempt_days` is
-- the deployment's default; a week goes when it is past that and past the longest that any organization has asked for.
-- Runs as the owner of the tables, who alone may drop them. Answers how many partitions went.
create function hub.drop_partitions(p_attempt_days integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = 0
as $$
declare
    v_days integer;
    v_floor uuid;
    v_part record;
    v_count integer := 0;
begin
    if p_attempt_days is null or p_attempt_days < 1 then
        raise exception 'attempts are kept for one day at least' using errcode = 'invalid_parameter_value';
    end if;
    if not pg_try_advisory_xact_lock(79213660127837) then
        return 0;
    end if;
    -- Forced row-level security hides the organizations' wishes from the owner of the table.
    v_days := greatest(p_attempt_days, hub.longest_retention());
    v_floor := hub.uuidv7_floor(now() - v_days * interval '1 day');
    perform set_config('lock_timeout', '500ms', true);
    for v_part in
        select c.relname as name, p.oid::regclass::text as parent
        from pg_partitioned_table t
        join pg_class p on p.oid = t.partrelid
        join pg_inherits i on i.inhparent = p.oid
        join pg_class c on c.oid = i.inhrelid
        where p.relnamespace = 'hub'::regnamespace and t.partstrat = 'r' and c.oid <> t.partdefid
            and p.relname in (
                'webhook_events', 'webhook_deliveries_ended', 'webhook_event_logs', 'webhook_event_attributes', 'inbound_messages',
                'connection_requests'
            )
            and (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([0-9a-f-]{36})''\)'))[1]::uuid <= v_floor
        order by c.relname
    loop
        begin
            execute format('alter table %s detach partition hub.%I', v_part.parent, v_part.name);
            execute format('drop table hub.%I', v_part.name);
            v_count := v_count + 1;
        exception when lock_not_available then
            raise warning '% is in use: its dropping is left to the next call', v_part.name;
        end;
    end loop;
    return v_count;
end
$$;
revoke execute on function hub.drop_partitions(integer) from public;
grant execute on function hub.drop_partitions(integer) to hub_worker;
comment on function hub.drop_partitions(integer) is 'Drop the weeks that nobody keeps any more; answers how many partitions went.';


-- The longest that any organization keeps what became of its events, in days; 0 if none has asked.
create function hub.longest_retention() returns integer
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(r.attempt_days), 0)::integer from hub.webhook_retention r
$$;
alter function hub.longest_retention() owner to hub_definer;
revoke execute on function hub.longest_retention() from public;
comment on function hub.longest_retention() is 'The longest that any organization keeps what became of its events, in days.';


-- Remove what organizations keep no longer than that from weeks that others still do, a batch at a time: messages and the
-- bodies of answers past `payload_days`, everything past `attempt_days`. A message that is still to be delivered stays for
-- another 30 days at most. Answers how many rows were changed or deleted.
create function hub.forget_payloads(p_payload_days integer, p_attempt_days integer, p_limit integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_org record;
    v_payload uuid;
    v_stuck uuid;
    v_attempt uuid;
    v_count bigint;
    v_total bigint := 0;
begin
    for v_org in
        select o.id, coalesce(r.payload_days, p_payload_days) as payload_days,
            coalesce(r.attempt_days, p_attempt_days) as attempt_days
        from hub.organizations o
        left join hub.webhook_retention r on r.org_id = o.id
    loop
        v_payload := hub.uuidv7_floor(now() - v_org.payload_days * interval '1 day');
        v_stuck := hub.uuidv7_floor(now() - (v_org.payload_days + 30) * interval '1 day');
        v_attempt := hub.uuidv7_floor(now() - v_org.attempt_days * interval '1 day');

        update hub.webhook_events e set body = null, expunged_at = now()
        from (
            select x.id from hub.webhook_events x
            where x.org_id = v_org.id and x.id < v_payload and x.body is not null
                and (x.id < v_stuck or not exists (
                    select from hub.webhook_deliveries d where d.open and d.org_id = x.org_id and d.event_id = x.id
                ))
            order by x.id limit p_limit
        ) as old
        where e.org_id = v_org.id and e.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        update hub.webhook_event_logs l set response_body = null
        from (
            select x.event_id, x.endpoint_id, x.id from hub.webhook_event_logs x
            where x.org_id = v_org.id and x.event_id < v_payload and x.response_body is not null
            order by x.event_id limit p_limit
        ) as old
        where l.org_id = v_org.id and l.event_id = old.event_id and l.endpoint_id = old.endpoint_id and l.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_event_logs l
        using (
            select x.event_id, x.endpoint_id, x.id from hub.webhook_event_logs x
            where x.org_id = v_org.id and x.event_id < v_attempt order by x.event_id limit p_limit
        ) as old
        where l.org_id = v_org.id and l.event_id = old.event_id and l.endpoint_id = old.endpoint_id and l.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_deliveries d
        using (
            select x.event_id, x.endpoint_id from hub.webhook_deliveries x
            where not x.open and x.org_id = v_org.id and x.event_id < v_attempt order by x.event_id limit p_limit
        ) as old
        where not d.open and d.org_id = v_org.id and d.event_id = old.event_id and d.endpoint_id = old.endpoint_id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;

        delete from hub.webhook_events e
        using (
            select x.id from hub.webhook_events x
            where x.org_id = v_org.id and x.id < v_attempt and x.body is null order by x.id limit p_limit
        ) as old
        where e.org_id = v_org.id and e.id = old.id;
        get diagnostics v_count = row_count;
        v_total := v_total + v_count;
    end loop;
    return v_total;
end
$$;
alter function hub.forget_payloads(integer, integer, integer) owner to hub_definer;
revoke execute on function hub.forget_payloads(integer, integer, integer) from public;
grant execute on function hub.forget_payloads(integer, integer, integer) to hub_worker;
comment on function hub.forget_payloads(integer, integer, integer) is
    'Remove what single organizations keep no longer, a batch at a time; answers how many rows.';
