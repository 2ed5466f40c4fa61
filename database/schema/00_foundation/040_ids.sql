-- Ids are UUIDv7 (RFC 9562): time-ordered, so that new rows go to the end of every index, and so that tables can be
-- partitioned by time on the primary key itself. PostgreSQL 18 has the generator built in.
do $$
begin
    if pg_catalog.to_regprocedure('pg_catalog.uuidv7()') is not null then
        execute 'create function hub.uuidv7() returns uuid language sql volatile parallel safe '
            'as ''select pg_catalog.uuidv7()''';
    else
        execute $f$
            create function hub.uuidv7() returns uuid language sql volatile parallel safe as '
                select encode(
                    set_bit(set_bit(
                        overlay(
                            uuid_send(gen_random_uuid())
                            placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                            from 1 for 6
                        ), 52, 1), 53, 1),
                    ''hex'')::uuid'
        $f$;
    end if;
end
$$;

revoke execute on function hub.uuidv7() from public;
grant execute on function hub.uuidv7() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_definer;
comment on function hub.uuidv7() is 'A fresh time-ordered id.';


-- The smallest UUIDv7 of an instant: the boundary of a time partition, and of a search by time.
create function hub.uuidv7_floor(p_at timestamptz) returns uuid
language sql immutable parallel safe strict
as $$
    select (lpad(to_hex(floor(extract(epoch from p_at at time zone 'UTC') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

revoke execute on function hub.uuidv7_floor(timestamptz) from public;
grant execute on function hub.uuidv7_floor(timestamptz) to hub_app, hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on function hub.uuidv7_floor(timestamptz) is 'The smallest time-ordered id of an instant.';
