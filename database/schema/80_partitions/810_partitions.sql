-- Weekly partitions, made ahead of time. Every table of facts is range-partitioned by a time-ordered id and has a
-- default partition, so that nothing is ever refused for want of one; this finds them all in the catalog.
--
-- Both run as the owner of the tables, who alone may add partitions; a partition gets no grants (it is reached through
-- its parent) and row-level security of its own, without a policy: whoever addresses it directly sees nothing.

-- One week of one table, if it is not there yet. It is filled with what the default partition took while it was
-- missing (else PostgreSQL refuses it for ever), and attached rather than created as a partition: that way nobody who
-- writes to or reads from other weeks waits for it.
create function hub.add_partition(p_parent oid, p_week timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_name text;
    v_parent text := p_parent::regclass::text;
    v_rest text;
    v_key text;
    v_from uuid := hub.uuidv7_floor(p_week);
    v_to uuid := hub.uuidv7_floor(p_week + interval '7 days');
begin
    select c.relname || to_char(p_week at time zone 'UTC', '"_y"IYYY"w"IW'), p.partdefid::regclass::text, quote_ident(a.attname)
    into v_name, v_rest, v_key
    from pg_partitioned_table p
    join pg_class c on c.oid = p.partrelid
    join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = p_parent;
    if to_regclass(format('hub.%I', v_name)) is not null then
        return false;
    end if;
    execute format(
        'create table hub.%I (like %s including defaults including constraints including storage including compression)',
        v_name, v_parent
    );
    execute format('comment on table hub.%I is %L', v_name, 'One week of ' || split_part(v_parent, '.', 2) || '.');
    execute format('lock table %s in access exclusive mode', v_rest);
    -- Forced row-level security hides the rows from their own owner. Nobody else gets in between: the table is locked.
    execute format('alter table %s no force row level security', v_rest);
    execute format(
        'with moved as (delete from %1$s r where r.%2$s >= %3$L and r.%2$s < %4$L returning r.*)'
        ' insert into hub.%5$I select * from moved',
        v_rest, v_key, v_from, v_to, v_name
    );
    execute format('alter table %s force row level security', v_rest);
    execute format('alter table hub.%I enable row level security', v_name);
    execute format('alter table hub.%I force row level security', v_name);
    execute format('alter table %s attach partition hub.%I for values from (%L) to (%L)', v_parent, v_name, v_from, v_to);
    return true;
end
$$;
revoke execute on function hub.add_partition(oid, timestamptz) from public;
comment on function hub.add_partition(oid, timestamptz) is 'Make one weekly partition if it is missing; answers whether it was.';


-- All weeks of all tables, from the current one to the one that `p_until` lies in.
create function hub.add_partitions(p_until timestamptz) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = 0
as $$
declare
    v_parent oid;
    v_week timestamptz;
    v_count integer := 0;
begin
    if p_until is null or not isfinite(p_until) or p_until > now() + interval '2 years' then
        raise exception 'partitions are made for two years ahead at most' using errcode = 'invalid_parameter_value';
    end if;
    -- Any two processes that add partitions must agree on this number; it has no other meaning.
    perform pg_advisory_xact_lock(79213660127837);
    -- Whoever comes to the default partition while this waits for it has to wait too. So it does not wait long (less
    -- than `deadlock_timeout`: in a deadlock it is this that gives way) and leaves the week to the next call.
    perform set_config('lock_timeout', '500ms', true);
    for v_parent in
        select c.oid
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_partitioned_table p on p.partrelid = c.oid
        where n.nspname = 'hub' and p.partstrat = 'r' and p.partdefid <> 0
        order by c.relname
    loop
        v_week := date_trunc('week', now() at time zone 'UTC') at time zone 'UTC';
        while v_week <= p_until loop
            begin
                v_count := v_count + hub.add_partition(v_parent, v_week)::integer;
            exception when lock_not_available then
                raise warning '% is in use: its week of % is left to the next call', v_parent::regclass, v_week at time zone 'UTC';
                exit;
            end;
            v_week := v_week + interval '7 days';
        end loop;
    end loop;
    return v_count;
end
$$;
revoke execute on function hub.add_partitions(timestamptz) from public;
grant execute on function hub.add_partitions(timestamptz) to hub_worker;
comment on function hub.add_partitions(timestamptz) is 'Make the weekly partitions that are missing up to a time; answers how many.';
