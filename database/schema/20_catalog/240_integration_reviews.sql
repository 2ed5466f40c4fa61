-- A rating with text by an organization that has the integration installed: one an organization and listing, tied to
-- the version it was written about. A review belongs to its author; whoever sees the listing sees the visible ones.
create table hub.integration_reviews (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    listing_org_id uuid not null,
    listing_id uuid not null,
    version text not null,
    rating smallint not null check (rating between 1 and 5),
    title text not null default '' check (length(title) <= 200),
    author text check (length(author) between 1 and 100),
    body text not null default '' check (length(body) <= 5000),
    reply text check (length(reply) between 1 and 5000),
    replied_at timestamptz,
    moderation text not null default 'visible' check (moderation in ('visible', 'hidden')),
    moderation_reason text check (length(moderation_reason) <= 500),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, listing_org_id, listing_id),
    -- Names the listing's owner and the listing: its tenant is in the key, though it is not this row's.
    foreign key (listing_org_id, listing_id) references hub.integration_marketplace (org_id, id) on delete cascade,
    check ((reply is null) = (replied_at is null)),
    check (moderation = 'visible' or moderation_reason is not null)
);

create index integration_reviews_listing_idx on hub.integration_reviews (listing_org_id, listing_id, id);

alter table hub.integration_reviews enable row level security;
alter table hub.integration_reviews force row level security;

create policy tenant on hub.integration_reviews to hub_app, hub_tenant, hub_readonly
    using (
        org_id = (select hub.current_org())
        or (
            moderation = 'visible'
            and exists (
                select from hub.integration_marketplace m
                where m.org_id = integration_reviews.listing_org_id and m.id = integration_reviews.listing_id
            )
        )
    )
    with check (org_id = (select hub.current_org()));
create policy own_rows_update on hub.integration_reviews as restrictive for update to hub_app
    using (org_id = (select hub.current_org()));
-- A hidden review stays: deleting it and writing it anew would undo the moderation.
create policy own_rows_delete on hub.integration_reviews as restrictive for delete to hub_app
    using (org_id = (select hub.current_org()) and moderation = 'visible');
create policy definer on hub.integration_reviews to hub_definer using (true) with check (true);

grant select, delete,
    insert (org_id, id, listing_org_id, listing_id, version, rating, title, author, body),
    update (version, rating, title, author, body, updated_at)
    on hub.integration_reviews to hub_app;
grant select on hub.integration_reviews to hub_tenant, hub_readonly, hub_definer;
grant update (reply, replied_at, moderation, moderation_reason) on hub.integration_reviews to hub_definer;
comment on table hub.integration_reviews is 'Ratings and texts by organizations that have an integration installed.';
comment on column hub.integration_reviews.version is 'The version that its organization had when it was written; the database looks it up.';
comment on column hub.integration_reviews.author is 'How the reviewer wants to be called, if at all: nobody learns which organization it is.';


-- Keep the listing's average honest: every visible review counts once, whatever happens to it.
create function hub.count_review() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op <> 'INSERT' and old.moderation = 'visible' then
        update hub.integration_marketplace m
        set review_count = m.review_count - 1, rating_sum = m.rating_sum - old.rating
        where m.org_id = old.listing_org_id and m.id = old.listing_id;
    end if;
    if tg_op <> 'DELETE' and new.moderation = 'visible' then
        update hub.integration_marketplace m
        set review_count = m.review_count + 1, rating_sum = m.rating_sum + new.rating
        where m.org_id = new.listing_org_id and m.id = new.listing_id;
    end if;
    return null;
end
$$;
alter function hub.count_review() owner to hub_definer;
revoke execute on function hub.count_review() from public;
comment on function hub.count_review() is 'Keeps a listing''s count and sum of ratings true.';

create trigger count_review
    after insert or delete or update of rating, moderation on hub.integration_reviews
    for each row execute function hub.count_review();


-- A review is written by who has the integration installed, and by nobody else, about the version that is installed.
create function hub.require_installed() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version text;
begin
    select d.version into v_version from hub.integration_instances i
    join hub.integration_marketplace m on m.org_id = new.listing_org_id and m.id = new.listing_id
    join hub.integrations d on d.org_id = i.integration_org_id and d.id = i.integration_id
    where i.org_id = new.org_id and i.integration_org_id = m.org_id and (i.listing_id = m.id or i.integration_id = m.integration_id)
    order by string_to_array(d.version, '.')::integer[] desc
    limit 1;
    if not found then
        raise exception 'only an organization that has it installed may review it' using
            errcode = 'check_violation', constraint = 'require_installed';
    end if;
    new.version := v_version;
    return new;
end
$$;
alter function hub.require_installed() owner to hub_definer;
revoke execute on function hub.require_installed() from public;
comment on function hub.require_installed() is 'Refuses a review by an organization that has not installed the integration.';

create trigger require_installed before insert or update of version, rating, title, author, body on hub.integration_reviews
    for each row execute function hub.require_installed();


-- The listing's owner replies to a review, or takes the reply back (null). Answers whether there was such a review.
create function hub.reply_to_review(p_listing_id uuid, p_review_id uuid, p_reply text) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with replied as (
        update hub.integration_reviews r
        set reply = p_reply, replied_at = case when p_reply is not null then now() end
        where r.id = p_review_id and r.listing_id = p_listing_id and r.listing_org_id = hub.current_org()
            and r.moderation = 'visible'
        returning r.id
    )
    select exists (select from replied)
$$;
alter function hub.reply_to_review(uuid, uuid, text) owner to hub_definer;
revoke execute on function hub.reply_to_review(uuid, uuid, text) from public;
grant execute on function hub.reply_to_review(uuid, uuid, text) to hub_app;
comment on function hub.reply_to_review(uuid, uuid, text) is 'Writes the reply of the listing''s owner, who is the organization acted for.';


-- The operator hides a review, with the reason, or shows it again. Answers the review; no row: no such review.
create function hub.moderate_review(
    p_listing_org_id uuid, p_listing_id uuid, p_review_id uuid, p_moderation text, p_reason text
) returns setof hub.integration_reviews
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update hub.integration_reviews r set moderation = p_moderation, moderation_reason = p_reason
    where r.id = p_review_id and r.listing_org_id = p_listing_org_id and r.listing_id = p_listing_id
        and exists (select from hub.organizations o where o.id = hub.current_org() and o.operator)
    returning r.*
$$;
alter function hub.moderate_review(uuid, uuid, uuid, text, text) owner to hub_definer;
revoke execute on function hub.moderate_review(uuid, uuid, uuid, text, text) from public;
grant execute on function hub.moderate_review(uuid, uuid, uuid, text, text) to hub_app;
comment on function hub.moderate_review(uuid, uuid, uuid, text, text) is 'Hides or shows a review, for the operator''s organization alone.';


-- What the operator has hidden of a listing's reviews, newest first, before an id: 201 at most.
create function hub.hidden_reviews(p_listing_org_id uuid, p_listing_id uuid, p_before uuid)
returns setof hub.integration_reviews
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select * from hub.integration_reviews r
    where r.listing_org_id = p_listing_org_id and r.listing_id = p_listing_id and r.moderation = 'hidden'
        and (p_before is null or r.id < p_before)
        and exists (select from hub.organizations o where o.id = hub.current_org() and o.operator)
    order by r.id desc limit 201
$$;
alter function hub.hidden_reviews(uuid, uuid, uuid) owner to hub_definer;
revoke execute on function hub.hidden_reviews(uuid, uuid, uuid) from public;
grant execute on function hub.hidden_reviews(uuid, uuid, uuid) to hub_app;
comment on function hub.hidden_reviews(uuid, uuid, uuid) is 'Hidden reviews of a listing, for the operator''s organization alone.';
