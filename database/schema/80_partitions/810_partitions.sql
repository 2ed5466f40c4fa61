-- Weekly partitions, made ahead of time. Every table of facts is range-partitioned by a time-ordered id and has a
-- default partition, so that nothing is ever refused for want of one; this finds them all in the catalog.
--
-- Runs as the owner of the tables, who alone may add partitions; a partition gets no grants (it is reached through its
-- parent) and row-level security of its own, without a policy: whoever addresses it directly sees nothing.
create function hub.add_partitions(p_until timestamptz) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_parent record;
    v_week timestamptz;
    v_name text;
    v_count integer := 0;
begin
    -- Any two processes that add partitions must agree on this number; it has no other meaning.
    perform pg_advisory_xact_lock(79213660127837);
    for v_parent in
        select c.oid, c.relname
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_partitioned_table p on p.partrelid = c.oid
        where n.nspname = 'hub' and p.partstrat = 'r' and p.partdefid <> 0
        order by c.relname
    loop
        v_week := date_trunc('week', now() at time zone 'UTC') at time zone 'UTC';
        while v_week <= p_until loop
            v_name := v_parent.relname || to_char(v_week at time zone 'UTC', '"_y"IYYY"w"IW');
            if to_regclass(format('hub.%I', v_name)) is null then
                execute format(
                    'create table hub.%I partition of hub.%I for values from (%L) to (%L)',
                    v_name, v_parent.relname, hub.uuidv7_floor(v_week), hub.uuidv7_floor(v_week + interval '7 days')
                );
                execute format('alter table hub.%I enable row level security', v_name);
                execute format('alter table hub.%I force row level security', v_name);
                execute format('comment on table hub.%I is %L', v_name, 'One week of ' || v_parent.relname || '.');
                v_count := v_count + 1;
            end if;
            v_week := v_week + interval '7 days';
        end loop;
    end loop;
    return v_count;
end
$$;
revoke execute on function hub.add_partitions(timestamptz) from public;
grant execute on function hub.add_partitions(timestamptz) to hub_worker;
comment on function hub.add_partitions(timestamptz) is 'Make the weekly partitions that are missing up to a time; answers how many.';
