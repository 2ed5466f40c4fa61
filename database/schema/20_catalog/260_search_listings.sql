-- How near the listings that one sees come to what somebody typed, mistakes included, from 0 to 1: for each word typed,
-- the likeness of the nearest word of a listing's name and tags, and the average of that. The likeness of two words is, of
-- the letter triples that either has, the share that both have. (pg_trgm counts the same way, but it is an extension, and
-- this schema needs none.) Each word of the catalogue is compared once, however many listings have it.
create function hub.near_listings(p_typed text) returns table (org_id uuid, id uuid, closeness real)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    with typed as (
        select distinct t.word, substr('  ' || t.word || ' ', n, 3) as triple
        from regexp_split_to_table(lower(p_typed), '[^[:alnum:]]+') as t (word)
        cross join lateral generate_series(1, length(t.word) + 1) as n
        where t.word <> ''
    ), typed_words as (
        select t.word, count(*) as size from typed t group by t.word
    ), words as (
        select distinct m.org_id, m.id, k.word
        from hub.integration_marketplace m
        cross join lateral regexp_split_to_table(lower(m.name || ' ' || m.keywords), '[^[:alnum:]]+') as k (word)
        where p_typed is not null and k.word <> ''
    ), known as (
        select distinct v.word, substr('  ' || v.word || ' ', n, 3) as triple
        from (select distinct w.word from words w) as v
        cross join lateral generate_series(1, length(v.word) + 1) as n
    ), known_words as (
        select k.word, count(*) as size from known k group by k.word
    ), common as (
        select t.word as typed, k.word as known, count(*) as size
        from typed t join known k on k.triple = t.triple group by t.word, k.word
    ), nearest as (
        select w.org_id, w.id, c.typed, max(c.size::real / (t.size + k.size - c.size)) as likeness
        from common c
        join typed_words t on t.word = c.typed
        join known_words k on k.word = c.known
        join words w on w.word = c.known
        group by w.org_id, w.id, c.typed
    )
    select n.org_id, n.id, (sum(n.likeness) / (select count(*) from typed_words))::real
    from nearest n group by n.org_id, n.id
$$;
revoke execute on function hub.near_listings(text) from public;
grant execute on function hub.near_listings(text) to hub_app, hub_tenant;
comment on function hub.near_listings(text) is 'How near listings come to what was typed, mistakes included, from 0 to 1.';


-- What a listing is sorted by when sorted by rating: the average as it would be with five more reviews of three stars.
-- One enthusiastic review does not outrank two hundred good ones, and nobody's first bad one buries them. The plain
-- average and the count stand beside it wherever it is shown.
create function hub.rating_score(p_count bigint, p_sum bigint) returns numeric
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select round((p_sum + 15)::numeric / (p_count + 5), 3)
$$;
revoke execute on function hub.rating_score(bigint, bigint) from public;
grant execute on function hub.rating_score(bigint, bigint) to hub_app, hub_tenant, hub_readonly;
comment on function hub.rating_score(bigint, bigint) is 'The average of ratings, weighed down by how few they are.';


-- The listings that one may see and install, and how relevant each is to what was typed. `p_prefix` is the same as a
-- text search query; without `p_tolerant` it has to match, with it, words that are nearly those are enough. Runs as
-- whoever calls, under row-level security.
create function hub.search_listings(p_typed text, p_prefix text, p_tolerant boolean)
returns table (
    org_id uuid, id uuid, name text, category text, auth_types text[], tier text, rating numeric, score numeric,
    installs bigint, published_at timestamptz, installed boolean, relevance numeric
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select m.org_id, m.id, m.name, m.category, m.auth_types, m.tier,
        round(m.rating_sum::numeric / nullif(m.review_count, 0), 3), hub.rating_score(m.review_count, m.rating_sum),
        m.install_count, coalesce(m.published_at, m.created_at),
        exists (
            select from hub.integration_instances own
            where own.org_id = (select hub.current_org()) and own.integration_org_id = m.org_id and own.listing_id = m.id
        ),
        case
            when p_typed is null then 0
            when p_tolerant then round(n.closeness::numeric, 6)
            else round((
                4 * (lower(m.name) = lower(p_typed))::integer + 2 * starts_with(lower(m.name), lower(p_typed))::integer
                + ts_rank(m.search, to_tsquery('simple', p_prefix))
            )::numeric, 6)
        end
    from hub.integration_marketplace m
    join hub.integrations i on i.org_id = m.org_id and i.id = m.integration_id
    left join hub.near_listings(case when p_tolerant then p_typed end) n on n.org_id = m.org_id and n.id = m.id
    where not m.unlisted and i.state = 'published'
        and case
            when p_typed is null then true
            when p_tolerant then n.closeness >= 0.3
            else m.search @@ to_tsquery('simple', p_prefix)
        end
$$;
revoke execute on function hub.search_listings(text, text, boolean) from public;
grant execute on function hub.search_listings(text, text, boolean) to hub_app, hub_tenant;
comment on function hub.search_listings(text, text, boolean) is 'Listings that one may install, with their relevance to what was typed.';
