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

-- name: insert_integration
-- Register a draft; nothing when the organization has as many versions as it may have.
insert into hub.integrations (org_id, id, slug, version, name, category, auth_types, manifest, manifest_digest, tier)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
where (select count(*) from hub.integrations where org_id = $1) < $11
returning *;

-- name: update_draft
-- Give a draft another manifest.
update hub.integrations
set version = $3, name = $4, category = $5, auth_types = $6, manifest = $7, manifest_digest = $8, tier = $9,
    updated_at = clock_timestamp()
where org_id = $1 and id = $2 and state = 'draft'
returning *;

-- name: publish_integration
-- Make a draft a version that never changes.
update hub.integrations set state = 'published', visibility = $3, updated_at = clock_timestamp()
where org_id = $1 and id = $2 and state = 'draft'
returning *;

-- name: withdraw_integration
-- Withdraw a version, for the first reason given unless it is stopped now.
update hub.integrations
set state = 'withdrawn', withdrawn_at = coalesce(withdrawn_at, now()), withdrawn_reason = $3, stopped = $4,
    updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *;

-- name: delete_integration
-- Delete a version that nothing refers to.
delete from hub.integrations where org_id = $1 and id = $2;

-- name: integration_by_id
-- One version of one's own, with its manifest.
select * from hub.integrations where org_id = $1 and id = $2;

-- name: integration_for_change
-- One version of one's own, locked until the transaction ends.
select * from hub.integrations where org_id = $1 and id = $2 for update;

-- name: versions_for_change
-- All versions beside one, it too, locked until the transaction ends.
select v.* from hub.integrations v
where v.org_id = $1 and v.slug = (select i.slug from hub.integrations i where i.org_id = $1 and i.id = $2)
order by v.id
for update;

-- name: newest_published
-- The newest published version of an integration that one may read.
select * from hub.integrations
where org_id = $1 and slug = $2 and state = 'published'
order by string_to_array(version, '.')::integer[] desc
limit 1;

-- name: list_integrations
-- A page of one's own integrations, newest first, before the cursor; by slug, category, auth type or state where given.
select * from hub.integrations
where org_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or slug = $3)
    and ($4::text is null or category = $4) and ($5::text is null or $5 = any (auth_types))
    and ($6::text is null or state = $6)
order by id desc limit $7;

-- name: instances_of_version
-- Instances, of all organizations, of a version of one's own.
select * from hub.instances_of($1, $2);

-- name: own_listing_for_change
-- One's own listing of an integration, locked until the transaction ends.
select m.*, true as owned from hub.integration_marketplace m where m.org_id = $1 and m.slug = $2 for update;

-- name: listing_by_name
-- A listing that one sees, by id or slug: of several the public one, then one's own.
select m.*, m.org_id = $1 as owned
from hub.integration_marketplace m
join hub.integrations i on i.org_id = m.org_id and i.id = m.integration_id
where (m.id = $2 or ($2::uuid is null and m.slug = $3))
    and ((not m.unlisted and i.state = 'published') or m.org_id = $1 or exists (
        select from hub.integration_instances n
        where n.org_id = $1 and n.integration_org_id = m.org_id and n.listing_id = m.id
    ))
order by m.visibility = 'public' desc, m.org_id = $1 desc, m.id
limit 1;

-- name: insert_listing
-- Offer an integration.
insert into hub.integration_marketplace (
    org_id, id, slug, visibility, integration_id, name, summary, description, category, auth_types, keywords, version,
    tier, links, published_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now())
returning *, true as owned;

-- name: show_versions
-- Let all versions that were published be read by whom the listing is shown to.
update hub.integrations set visibility = $3 where org_id = $1 and slug = $2 and state <> 'draft' and visibility <> $3;

-- name: update_listing
-- Have a listing offer another version.
update hub.integration_marketplace
set integration_id = $3, name = $4, summary = $5, description = $6, category = $7, auth_types = $8, keywords = $9,
    version = $10, tier = $11, links = $12, published_at = now(), updated_at = clock_timestamp()
where org_id = $1 and id = $2;

-- name: set_unlisted
-- Take a listing out of the marketplace, or put it back.
update hub.integration_marketplace set unlisted = $3, updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *, true as owned;

-- name: insert_share
-- Share a listing: whether it was not before; nothing when it is shared with as many as it may be.
with room as (
    select $1::uuid as org_id, $2::uuid as listing_id, $3::uuid as shared_with_org_id
    where (select count(*) from hub.integration_marketplace_shares where org_id = $1 and listing_id = $2) < $4
), added as (
    insert into hub.integration_marketplace_shares (org_id, listing_id, shared_with_org_id)
    select * from room on conflict do nothing returning org_id
)
select exists (select from added) from room;

-- name: delete_share
-- Take a share back.
delete from hub.integration_marketplace_shares where org_id = $1 and listing_id = $2 and shared_with_org_id = $3;

-- name: list_shares
-- With whom a listing is shared, 500 at most.
select shared_with_org_id, created_at from hub.integration_marketplace_shares
where org_id = $1 and listing_id = $2 order by shared_with_org_id limit 500;

-- name: operator_organization
-- The organization that runs the hub, or null.
select hub.operator_organization();

-- name: published_versions
-- Slug, version and digest of everything that an organization has published, withdrawn versions too.
select slug, version, manifest_digest from hub.integrations where org_id = $1 and state <> 'draft';
