-- name: definition_of_instance
-- An instance and the version that it uses, without the manifest.
select n.name, n.environment, n.status, n.settings, n.integration_org_id, n.integration_id,
    i.slug, i.version, i.manifest_digest, i.stopped, i.withdrawn_reason
from hub.integration_instances n
join hub.integrations i on i.org_id = n.integration_org_id and i.id = n.integration_id
where n.org_id = $1 and n.id = $2;

-- name: manifest_of
-- The manifest of one version.
select manifest from hub.integrations where org_id = $1 and id = $2;
