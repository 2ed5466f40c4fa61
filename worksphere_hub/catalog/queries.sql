-- name: definition_of_instance
-- An instance and the digest of the manifest that it is pinned to.
select i.name, i.environment, i.status, i.settings, i.integration_org_id, i.integration_id, d.slug, d.version,
    d.manifest_digest
from hub.integration_instances i
join hub.integrations d on d.org_id = i.integration_org_id and d.id = i.integration_id
where i.org_id = $1 and i.id = $2;

-- name: manifest_of
-- A manifest.
select manifest from hub.integrations where org_id = $1 and id = $2;
