-- How alike two words are, from 0 to 1: of the letter triples that either has, the share that both have. (pg_trgm counts
-- the same way, but it is an extension, and this schema needs none.)
create function hub.likeness(p_one text, p_other text) returns real
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with one as (
        select distinct substr('  ' || p_one || ' ', n, 3) as triple from generate_series(1, length(p_one) + 1) as n
    ), other as (
        select distinct substr('  ' || p_other || ' ', n, 3) as triple from generate_series(1, length(p_other) + 1) as n
    )
    select (count(*) filter (where one.triple = other.triple))::real / greatest(count(*), 1)
    from one full join other on other.triple = one.triple
$$;
revoke execute on function hub.likeness(text, text) from public;
grant execute on function hub.likeness(text, text) to hub_app, hub_tenant, hub_readonly, hub_definer;
comment on function hub.likeness(text, text) is 'How alike two words are, from 0 to 1, by the triples of letters they share.';


-- How close a text comes to what somebody typed: the average, over the words typed, of the likeness of the nearest word.
create function hub.closeness(p_typed text, p_text text) returns real
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(avg(nearest.likeness), 0)::real
    from regexp_split_to_table(lower(p_typed), '[^[:alnum:]]+') as typed (word)
    cross join lateral (
        select max(hub.likeness(typed.word, known.word)) as likeness
        from regexp_split_to_table(lower(p_text), '[^[:alnum:]]+') as known (word)
        where known.word <> ''
    ) as nearest
    where typed.word <> ''
$$;
revoke execute on function hub.closeness(text, text) from public;
grant execute on function hub.closeness(text, text) to hub_app, hub_tenant, hub_readonly, hub_definer;
comment on function hub.closeness(text, text) is 'How close a text comes to what was typed, mistakes included, from 0 to 1.';


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
grant execute on function hub.rating_score(bigint, bigint) to hub_app, hub_tenant, hub_readonly, hub_definer;
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
            select from hub.integration_instances n
            where n.org_id = (select hub.current_org()) and n.integration_org_id = m.org_id and n.listing_id = m.id
        ),
        case
            when p_typed is null then 0
            when p_tolerant then round(hub.closeness(p_typed, m.name || ' ' || m.keywords)::numeric, 6)
            else round((
                4 * (lower(m.name) = lower(p_typed))::integer + 2 * starts_with(lower(m.name), lower(p_typed))::integer
                + ts_rank(m.search, to_tsquery('simple', p_prefix))
            )::numeric, 6)
        end
    from hub.integration_marketplace m
    join hub.integrations i on i.org_id = m.org_id and i.id = m.integration_id
    where not m.unlisted and i.state = 'published'
        and case
            when p_typed is null then true
            when p_tolerant then hub.closeness(p_typed, m.name || ' ' || m.keywords) >= 0.3
            else m.search @@ to_tsquery('simple', p_prefix)
        end
$$;
revoke execute on function hub.search_listings(text, text, boolean) from public;
grant execute on function hub.search_listings(text, text, boolean) to hub_app, hub_tenant;
comment on function hub.search_listings(text, text, boolean) is 'Listings that one may install, with their relevance to what was typed.';
