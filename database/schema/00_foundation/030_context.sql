-- Which organization is this transaction for? Every policy asks this one function, wrapped in `(select ...)` so that
-- it is answered once a statement and not once a row.
--
-- In order: the login itself (`hub_org_<32 hex>` is bound to its organization and cannot speak for another), the JWT
-- claims that PostgREST and Supabase set (`org_id`, or `app_metadata.org_id`, which a user cannot edit), and the
-- setting that the hub's own processes make for the length of one transaction. No context means no rows.
create function hub.current_org() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        case when session_user ~ '^hub_org_[0-9a-f]{32}$' then substr(session_user, 9)::uuid end,
        (
            select nullif(coalesce(c.claims ->> 'org_id', c.claims -> 'app_metadata' ->> 'org_id'), '')::uuid
            from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb) as c (claims)
        ),
        nullif(current_setting('hub.org', true), '')::uuid
    )
$$;

revoke execute on function hub.current_org() from public;
grant execute on function hub.current_org() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_readonly, hub_definer;
comment on function hub.current_org() is
    'The organization this transaction acts for; null when it acts for none. Row-level security rests on it.';


-- The role that the caller of a SECURITY DEFINER function has outside of it: what SET ROLE chose (PostgREST does so
-- for every request), else the login.
create function hub.calling_role() returns name
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select case
        when coalesce(current_setting('role', true), 'none') = 'none' then session_user
        else current_setting('role')::name
    end
$$;

revoke execute on function hub.calling_role() from public;
grant execute on function hub.calling_role() to hub_app, hub_worker, hub_tenant, hub_publisher, hub_definer;
comment on function hub.calling_role() is 'The role of whoever calls a SECURITY DEFINER function, seen from inside it.';
