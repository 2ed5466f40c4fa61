-- Group roles. None of them can log in: a deployment grants them to logins of its own (see docs/guides/operate.md).
-- They are cluster-wide, so a second hub in the same cluster finds them already there.
--
--   hub_app        the API processes: read and write under the tenant's row-level security
--   hub_worker     the worker processes: the same, plus claiming and recording deliveries
--   hub_tenant     an organization's own login, or Supabase's `authenticated`: reads its own rows, calls the functions
--   hub_publisher  the host product's own backend role: may call trigger_webhook() for any organization
--   hub_readonly   support and reporting: reads one organization's rows at a time
--   hub_definer    owns the functions that must see more than one organization; nobody logs in as it
do $$
declare
    v_role text;
begin
    foreach v_role in array array[
        'hub_app', 'hub_worker', 'hub_tenant', 'hub_publisher', 'hub_readonly', 'hub_definer'
    ] loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            execute pg_catalog.format('create role %I nologin', v_role);
        end if;
    end loop;

    -- Whoever installs the schema hands functions over to hub_definer, which takes membership in it. From PostgreSQL 16
    -- on, who creates a role is a member that may grant it but not become it, until he grants it to himself.
    if not pg_catalog.pg_has_role(
        current_user, 'hub_definer',
        case when pg_catalog.current_setting('server_version_num')::integer < 160000 then 'member' else 'set' end
    ) then
        execute pg_catalog.format('grant hub_definer to %I', current_user);
    end if;

    -- On a Supabase project PostgREST's roles take part as what they are: a signed-in user of one organization,
    -- and the project's own backend.
    if exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
        grant hub_tenant to authenticated;
    end if;
    if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
        grant hub_publisher to service_role;
    end if;
end
$$;

grant usage on schema hub to hub_app, hub_worker, hub_tenant, hub_publisher, hub_readonly, hub_definer;
grant create on schema hub to hub_definer;
