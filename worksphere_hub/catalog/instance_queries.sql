-- name: insert_instance
-- Install an integration; nothing when the organization has as many instances as it may have.
insert into hub.integration_instances (
    org_id, id, integration_org_id, integration_id, listing_id, name, environment, settings, status, installed_by
)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
where (select count(*) from hub.integration_instances where org_id = $1) < $11
returning id;

-- name: instance_by_id
-- One instance with the version that it uses.
select n.*, i.slug as i_slug, i.version as i_version, i.name as i_name, i.category as i_category,
    i.auth_types as i_auth_types, i.manifest_digest as i_manifest_digest, i.tier as i_tier, i.state as i_state,
    i.visibility as i_visibility, i.withdrawn_at as i_withdrawn_at, i.withdrawn_reason as i_withdrawn_reason,
    i.stopped as i_stopped, i.created_at as i_created_at, i.updated_at as i_updated_at
from hub.integration_instances n
join hub.integrations i on i.org_id = n.integration_org_id and i.id = n.integration_id
where n.org_id = $1 and n.id = $2;

-- name: list_instances
-- A page of instances, newest first, before the cursor; by slug, environment or status where given.
select n.*, i.slug as i_slug, i.version as i_version, i.name as i_name, i.category as i_category,
    i.auth_types as i_auth_types, i.manifest_digest as i_manifest_digest, i.tier as i_tier, i.state as i_state,
    i.visibility as i_visibility, i.withdrawn_at as i_withdrawn_at, i.withdrawn_reason as i_withdrawn_reason,
    i.stopped as i_stopped, i.created_at as i_created_at, i.updated_at as i_updated_at
from hub.integration_instances n
join hub.integrations i on i.org_id = n.integration_org_id and i.id = n.integration_id
where n.org_id = $1 and ($2::uuid is null or n.id < $2) and ($3::text is null or i.slug = $3)
    and ($4::text is null or n.environment = $4) and ($5::text is null or n.status = $5)
order by n.id desc limit $6;

-- name: lock_instance
-- Whether there is such an instance; it is locked until the transaction ends.
select true from hub.integration_instances where org_id = $1 and id = $2 for update;

-- name: update_instance
-- Change what an instance is called, where it belongs, how it is set and whether it is pinned.
update hub.integration_instances
set name = $3, environment = $4, settings = $5, pinned = $6, updated_at = clock_timestamp()
where org_id = $1 and id = $2;

-- name: set_instance_status
-- Enable or disable an instance.
update hub.integration_instances set status = $3, updated_at = clock_timestamp() where org_id = $1 and id = $2;

-- name: move_instance
-- Have an instance use another version, and remember the one before where it is to be gone back to.
update hub.integration_instances
set integration_id = $3, settings = $4, previous_integration_id = $5, previous_settings = $6,
    updated_at = clock_timestamp()
where org_id = $1 and id = $2;

-- name: consequence
-- What goes with an instance: how many connections, syncs of them, and inbound sources.
with connections as (
    select id from hub.api_connections where org_id = $1 and instance_id = $2
)
select (select count(*) from connections) as connections,
    (
        select count(*) from hub.data_sync_configurations s
        where s.org_id = $1 and (
            s.source_connection_id in (select id from connections)
            or s.destination_connection_id in (select id from connections)
        )
    ) as syncs,
    (select count(*) from hub.inbound_sources where org_id = $1 and instance_id = $2) as inbound_sources;

-- name: delete_syncs_of_instance
-- Delete the syncs of an instance's connections, with their runs, links and conflicts.
delete from hub.data_sync_configurations s
using hub.api_connections c
where s.org_id = $1 and c.org_id = $1 and c.instance_id = $2 and c.id in (s.source_connection_id, s.destination_connection_id);

-- name: delete_instance
-- Delete an instance with its connections and inbound sources.
delete from hub.integration_instances where org_id = $1 and id = $2;
