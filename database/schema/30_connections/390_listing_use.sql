-- How many connections of a listing work at the moment, over all organizations: a count and nothing else.
create function hub.active_connections_of(p_listing_org_id uuid, p_listing_id uuid) returns bigint
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select count(*) from hub.integration_instances i
    join hub.api_connections c on c.org_id = i.org_id and c.instance_id = i.id
    where i.integration_org_id = p_listing_org_id and i.listing_id = p_listing_id and c.status = 'connected'
$$;
alter function hub.active_connections_of(uuid, uuid) owner to hub_definer;
revoke execute on function hub.active_connections_of(uuid, uuid) from public;
grant execute on function hub.active_connections_of(uuid, uuid) to hub_app;
comment on function hub.active_connections_of(uuid, uuid) is 'How many connections of a listing are connected, over all organizations.';
