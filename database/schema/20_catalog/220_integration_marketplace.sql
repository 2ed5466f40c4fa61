-- An integration offered to others: what the marketplace shows. A listing belongs to the organization that publishes
-- it; the public ones are seen by every organization, which is the one place where a tenant reads another's rows, and
-- why a listing holds nothing that is not meant to be seen.
create table hub.integration_marketplace (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    integration_id uuid not null,
    slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (length(name) between 1 and 200),
    summary text not null check (length(summary) between 1 and 300),
    description text not null default '' check (length(description) <= 20000),
    category text not null check (category ~ '^[a-z][a-z0-9-]{0,39}$'),
    auth_types text[] not null default '{}',
    keywords text not null default '' check (length(keywords) <= 2000),
    version text not null default '0.0.0',
    tier text not null default 'none' check (tier in ('none', 'bronze', 'silver', 'gold', 'platinum')),
    unlisted boolean not null default false,
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    links jsonb not null default '{}' check (jsonb_typeof(links) = 'object'),
    install_count bigint not null default 0 check (install_count >= 0),
    review_count bigint not null default 0 check (review_count >= 0),
    rating_sum bigint not null default 0 check (rating_sum between review_count and review_count * 5),
    published_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    search tsvector generated always as (
        setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('simple', keywords), 'A')
        || setweight(to_tsvector('simple', summary), 'B') || setweight(to_tsvector('simple', description), 'C')
    ) stored,
    primary key (org_id, id),
    unique (org_id, slug),
    foreign key (org_id, integration_id) references hub.integrations (org_id, id),
    check (visibility = 'private' or published_at is not null)
);

-- What everybody sees is installed by its slug alone. The one unique key without org_id here tells nobody about a row
-- that is not theirs to see.
create unique index integration_marketplace_public_slug_key on hub.integration_marketplace (slug) where visibility = 'public';

-- Full-text search is not leakproof, so under row-level security it never uses an index: the catalogue is small (some
-- hundreds of rows), and a scan of it takes a millisecond.
create index integration_marketplace_public_idx on hub.integration_marketplace (org_id, category) where visibility = 'public';

alter table hub.integration_marketplace enable row level security;
alter table hub.integration_marketplace force row level security;

-- The policy `tenant` stands at the end of the room (250): it asks a table that does not exist yet.
-- Seeing a listing of another organization is one thing, changing it another.
create policy own_rows_update on hub.integration_marketplace as restrictive for update to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy own_rows_delete on hub.integration_marketplace as restrictive for delete to hub_app, hub_worker
    using (org_id = (select hub.current_org()));
create policy definer on hub.integration_marketplace to hub_definer using (true) with check (true);

-- The counts are kept by triggers and the catalogue's own functions: nobody writes a good average into a new listing.
grant select, delete,
    insert (
        org_id, id, integration_id, slug, name, summary, description, category, auth_types, keywords, version, tier, unlisted,
        visibility, links, published_at
    ),
    update (
        integration_id, name, summary, description, category, auth_types, keywords, version, tier, unlisted, visibility, links,
        published_at, updated_at
    )
    on hub.integration_marketplace to hub_app;
grant select on hub.integration_marketplace to hub_worker, hub_tenant, hub_readonly, hub_definer;
grant update (install_count, review_count, rating_sum) on hub.integration_marketplace to hub_definer;
comment on table hub.integration_marketplace is 'Listings: integrations offered to other organizations.';
comment on column hub.integration_marketplace.integration_id is 'The newest version that is published: what is installed from here.';
comment on column hub.integration_marketplace.keywords is 'The manifest''s tags, by spaces.';
comment on column hub.integration_marketplace.unlisted is 'Not offered any more, or all its versions are withdrawn: shown to those who have it.';
comment on column hub.integration_marketplace.install_count is 'Organizations that have it installed, each counted once.';
comment on column hub.integration_marketplace.rating_sum is 'Sum of the ratings of visible reviews; the average is this by review_count.';
