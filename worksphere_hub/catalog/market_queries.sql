-- name: browse
-- A page of listings by what was typed and the filters, in one of the orders, after the cursor.
with hits as (
    select h.*, case $9::text
        when 'relevance' then h.relevance
        when 'rating' then h.score
        when 'installs' then h.installs
        when 'newest' then round(extract(epoch from h.published_at), 6)
        else 0
    end as sort_key, left(lower(h.name), 60) collate "C" as sort_name
    from hub.search_listings($1, $2, $3) h
    where ($4::text[] is null or h.category = any ($4)) and ($5::text[] is null or h.auth_types && $5)
        and ($6::text[] is null or h.tier = any ($6)) and ($7::numeric is null or h.rating >= $7)
        and ($8::boolean is null or h.installed = $8)
)
select m.*, h.installed, h.rating, h.score, h.published_at as offered_at, h.sort_key, h.sort_name,
    m.org_id = (select hub.current_org()) as owned
from hits h
join hub.integration_marketplace m on m.org_id = h.org_id and m.id = h.id
where $10::numeric is null or h.sort_key < $10
    or (h.sort_key = $10 and (h.sort_name, h.id) > ($11::text collate "C", $12::uuid))
order by h.sort_key desc, h.sort_name, h.id
limit $13;

-- name: count_facets
-- How many listings there are by each value of each filter, with the other filters as they are.
with hits as (
    select h.*,
        ($4::text[] is null or h.category = any ($4)) as of_category,
        ($5::text[] is null or h.auth_types && $5) as of_auth,
        ($6::text[] is null or h.tier = any ($6)) as of_tier,
        ($7::numeric is null or coalesce(h.rating >= $7, false)) as of_rating,
        ($8::boolean is null or h.installed = $8) as of_installed
    from hub.search_listings($1, $2, $3) h
)
select 'total' as facet, '' as value, count(*) as count from hits
where of_category and of_auth and of_tier and of_rating and of_installed
union all
select 'category', category, count(*) from hits where of_auth and of_tier and of_rating and of_installed group by 2
union all
select 'auth_type', kind.name, count(*) from hits cross join unnest(auth_types) as kind (name)
where of_category and of_tier and of_rating and of_installed group by 2
union all
select 'tier', tier, count(*) from hits where of_category and of_auth and of_rating and of_installed group by 2
union all
select 'min_rating', stars.least::text, count(*) from hits cross join generate_series(1, 5) as stars (least)
where rating >= stars.least and of_category and of_auth and of_tier and of_installed group by 2
union all
select 'installed', installed::text, count(*) from hits
where of_category and of_auth and of_tier and of_rating group by 2
order by 1, 3 desc, 2;

-- name: listing_card
-- A listing with the figures that stand beside it, for one organization.
select m.*, i.manifest_digest, m.org_id = $1 as owned, coalesce(m.published_at, m.created_at) as offered_at,
    round(m.rating_sum::numeric / nullif(m.review_count, 0), 3) as rating,
    hub.rating_score(m.review_count, m.rating_sum) as score,
    hub.active_connections_of(m.org_id, m.id) as active_connections,
    exists (
        select from hub.integration_instances n
        where n.org_id = $1 and n.integration_org_id = m.org_id and n.listing_id = m.id
    ) as installed
from hub.integration_marketplace m
join hub.integrations i on i.org_id = m.org_id and i.id = m.integration_id
where m.org_id = $2 and m.id = $3;

-- name: listing_versions
-- The versions of an integration that were published, newest first: 100 at most.
select version, state, manifest_digest, withdrawn_reason, created_at from hub.integrations
where org_id = $1 and slug = $2 and state <> 'draft'
order by string_to_array(version, '.')::integer[] desc
limit 100;

-- name: listing_instances
-- An organization's own instances of a listing.
select id from hub.integration_instances
where org_id = $1 and integration_org_id = $2 and listing_id = $3
order by id limit 200;

-- name: insert_review
-- Write a review; the database looks up the version.
insert into hub.integration_reviews (org_id, id, listing_org_id, listing_id, version, rating, title, body, author)
values ($1, $2, $3, $4, '', $5, $6, $7, $8)
returning *;

-- name: update_review
-- Change a review that is shown.
update hub.integration_reviews
set rating = $3, title = $4, body = $5, author = $6, updated_at = clock_timestamp()
where org_id = $1 and id = $2 and moderation = 'visible'
returning *;

-- name: delete_review
-- Delete a review that is shown.
delete from hub.integration_reviews where org_id = $1 and id = $2;

-- name: review_by_id
-- A review of a listing that one sees.
select * from hub.integration_reviews where listing_org_id = $1 and listing_id = $2 and id = $3;

-- name: list_reviews
-- A page of a listing's reviews that one sees, newest first, before the cursor; of so many stars where given.
select * from hub.integration_reviews
where listing_org_id = $1 and listing_id = $2 and ($3::uuid is null or id < $3) and ($4::smallint is null or rating = $4)
order by id desc limit $5;

-- name: list_hidden_reviews
-- A page of a listing's hidden reviews, newest first, for those who moderate.
select * from hub.hidden_reviews($1, $2, $3::uuid);

-- name: review_figures
-- What a listing's reviews come to, and how many gave how many stars.
select m.review_count, round(m.rating_sum::numeric / nullif(m.review_count, 0), 3) as rating,
    hub.rating_score(m.review_count, m.rating_sum) as score,
    (
        select coalesce(jsonb_object_agg(given.stars, given.count), '{}')
        from (
            select stars::text, count(r.id) from generate_series(1, 5) as stars
            left join hub.integration_reviews r on r.listing_org_id = m.org_id and r.listing_id = m.id
                and r.rating = stars and r.moderation = 'visible'
            group by stars
        ) as given (stars, count)
    ) as histogram
from hub.integration_marketplace m
where m.org_id = $1 and m.id = $2;

-- name: reply_to_review
-- Reply to a review of a listing of one's own, or take the reply back.
select hub.reply_to_review($1, $2, $3);

-- name: moderate_review
-- Hide a review or show it again, for those who moderate.
select * from hub.moderate_review($1, $2, $3, $4, $5);
