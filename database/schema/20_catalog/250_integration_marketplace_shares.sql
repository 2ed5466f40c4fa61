-- Private listings are shared with single organizations, which then see them, and install them, as others do public
-- ones. Sharing tells the one organization of the listing, and nobody of the organization.
create table hub.integration_marketplace_shares (
    org_id uuid not null,
    listing_id uuid not null,
    shared_with_org_id uuid not null references hub.organizations (id) on delete cascade,
    created_at timestamptz not null default now(),
    primary key (org_id, listing_id, shared_with_org_id),
    foreign key (org_id, listing_id) references hub.integration_marketplace (org_id, id) on delete cascade
);

-- What was shared with an organization: asked by the policies below about every listing that is not its own.
create index integration_marketplace_shares_with_idx
    on hub.integration_marketplace_shares (shared_with_org_id, org_id, listing_id);

alter table hub.integration_marketplace_shares enable row level security;
alter table hub.integration_marketplace_shares force row level security;

create policy tenant on hub.integration_marketplace_shares to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org()) or shared_with_org_id = (select hub.current_org()))
    with check (org_id = (select hub.current_org()));
-- Being told of a listing does not mean to decide who else is.
create policy own_rows_delete on hub.integration_marketplace_shares as restrictive for delete to hub_app
    using (org_id = (select hub.current_org()));
create policy definer on hub.integration_marketplace_shares to hub_definer using (true);

grant select, insert, delete on hub.integration_marketplace_shares to hub_app;
grant select on hub.integration_marketplace_shares to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.integration_marketplace_shares is 'Which organizations a private listing is shared with.';


-- Of another organization one sees the public listings and those that are shared with one.
create policy tenant on hub.integration_marketplace to hub_app, hub_worker, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or ((select hub.current_org()) is not null and visibility = 'public')
        or exists (
            select from hub.integration_marketplace_shares s
            where s.shared_with_org_id = (select hub.current_org())
                and s.org_id = integration_marketplace.org_id and s.listing_id = integration_marketplace.id
        )
    )
    with check (org_id = (select hub.current_org()));

-- A manifest is read by whoever may install it, and by whoever has installed it, or did before the last upgrade,
-- whatever became of the listing since.
create policy tenant on hub.integrations to hub_app, hub_worker, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or ((select hub.current_org()) is not null and visibility = 'public')
        or (state <> 'draft' and exists (
            select from hub.integration_instances i
            where i.org_id = (select hub.current_org()) and i.integration_org_id = integrations.org_id
                and integrations.id in (i.integration_id, i.previous_integration_id)
        ))
        or (state = 'published' and exists (
            select from hub.integration_marketplace_shares s
            join hub.integration_marketplace m on m.org_id = s.org_id and m.id = s.listing_id
            where s.shared_with_org_id = (select hub.current_org())
                and s.org_id = integrations.org_id and m.slug = integrations.slug
        ))
    )
    with check (org_id = (select hub.current_org()));
