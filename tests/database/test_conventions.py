"""What database/CONVENTIONS.md says, asked of the catalog. Every exception is on a list here with its reason."""

# Tables whose tenant policy is not `org_id = (select hub.current_org())` alone, and why.
OTHER_TENANT_POLICY = {
    "organizations": "its own id is the organization",
    "people": "a person belongs to several organizations: its members are seen",
    "integrations": "public ones are installed by everybody, who reads their manifest",
    "integration_marketplace": "public listings are seen by everybody, shared ones by whom they are shared with",
    "integration_marketplace_shares": "who is given a listing sees that it is",
    "integration_reviews": "who sees a listing sees what others say about it",
}
NO_TENANT_POLICY = {
    "deployment": "one row about the deployment itself",
    "schema_migrations": "which migrations the database has had",
    "webhook_endpoint_revisions": "a counter of the definer functions that nobody else has to see",
}
# All further policies. A permissive one gives rows away, so each is reviewed.
OTHER_POLICIES = {
    ("deployment", "deployment", "PERMISSIVE"),  # the hub's own processes read it
    ("deployment", "installer", "PERMISSIVE"),  # written once, by found_deployment()
    ("deployment", "rotation", "PERMISSIVE"),  # a new master key rewraps the pepper
    ("schema_migrations", "everyone", "PERMISSIVE"),  # every process checks that the schema is as new as itself
    ("schema_migrations", "installer", "PERMISSIVE"),  # an owner that is not above row-level security migrates
    ("integrations", "own_rows_update", "RESTRICTIVE"),
    ("integrations", "own_rows_delete", "RESTRICTIVE"),
    ("integration_marketplace", "own_rows_update", "RESTRICTIVE"),
    ("integration_marketplace", "own_rows_delete", "RESTRICTIVE"),
    ("integration_marketplace_shares", "own_rows_delete", "RESTRICTIVE"),
    ("integration_reviews", "own_rows_update", "RESTRICTIVE"),
    ("integration_reviews", "own_rows_delete", "RESTRICTIVE"),
}

# Unique keys that do not contain the organization, and why that tells no tenant about another.
UNIQUE_WITHOUT_ORG = {
    "organizations_pkey": "the id of the organization",
    "organizations_slug_key": "an organization is found by its slug before anybody is signed in",
    "people_pkey": "a person belongs to several organizations",
    "people_email_key": "a person signs in by e-mail before an organization is chosen",
    "deployment_pkey": "no tenant's rows",
    "schema_migrations_pkey": "no tenant's rows",
    "api_keys_key_id_key": "a key names itself before its organization is known; 71 random bits",
    "sessions_digest_key": "a token is shown before its organization is known; a SHA-256",
    "invitations_digest_key": "a code is shown before its organization is known; a SHA-256",
    "oauth_flows_state_digest_key": "a state comes back before its organization is known; a SHA-256",
    "oauth_links_digest_key": "a link is opened before its organization is known; a SHA-256",
    "connect_sessions_digest_key": "a page is opened before its organization is known; a SHA-256",
    "inbound_sources_token_digest_key": "an address is called before its organization is known; a SHA-256",
    "integration_marketplace_public_slug_key": "public listings, which everybody sees, are found by slug alone",
}
# Further indexes that do not begin with the organization.
INDEX_WITHOUT_ORG_FIRST = {
    "webhook_replays_due_idx": "the workers look for due replays of all organizations",
    "members_person_idx": "signing in looks for a person's organizations; deleting a person does too",
    "sessions_everywhere_idx": "signing out everywhere looks for a person",
    "idempotency_keys_expiry_idx": "forgetting what has expired sees all organizations",
    "api_connections_account_idx": "what comes for an account is passed on before its organization is known",
    "api_connections_check_idx": "scheduling checks sees all organizations",
    "connection_credentials_due_idx": "claiming what is due sees all organizations",
    "connection_credentials_previous_idx": "forgetting what has expired sees all organizations",
    "connection_checks_due_idx": "claiming what is due sees all organizations",
    "device_flows_due_idx": "claiming what is due sees all organizations",
    "rate_budgets_idle_idx": "forgetting what has expired sees all organizations",
    "inbound_messages_events_idx": "an array has an index of its own kind; the query names the organization as well",
    "inbound_pulls_due_idx": "claiming what is due sees all organizations",
    "inbound_subscriptions_due_idx": "claiming what is due sees all organizations",
    "inbound_messages_due_idx": "claiming what is due sees all organizations",
    "inbound_seen_expiry_idx": "forgetting what has expired sees all organizations",
    "inbound_refusals_day_idx": "forgetting what has expired sees all organizations",
    "integration_instances_listing_idx": "begins with the organization of the integration, for which it looks",
    "integration_marketplace_shares_with_idx": "begins with the organization that a listing is shared with",
    "integration_reviews_listing_idx": "begins with the organization of the listing, for which it looks",
}
# Foreign keys in which the organization of the row pointed to has another name, or there is none.
FOREIGN_WITHOUT_ORG = {
    "integration_instances_integration_org_id_integration_id_fkey": "the definition is usually another organization's",
    "integration_instances_integration_org_id_previous_integrat_fkey": "likewise, the version before",
    "integration_marketplace_shares_shared_with_org_id_fkey": "the organization that a listing is shared with",
    "integration_reviews_listing_org_id_listing_id_fkey": "the listing is usually another organization's",
    "members_person_id_fkey": "people belong to several organizations",
}

# Security definer functions that belong to the owner of the schema: what they do only an owner may.
OWNERS_FUNCTIONS = {"add_partitions", "drop_partitions"}

NAMED_TABLES = {
    "integrations", "integration_instances", "api_connections", "webhook_endpoints", "webhook_event_logs",
    "data_sync_configurations", "sync_execution_logs", "integration_marketplace", "integration_reviews",
    "integration_usage_analytics",
}  # fmt: skip
LOGINS = ("hub_app", "hub_worker", "hub_tenant", "hub_publisher", "hub_readonly")
TABLES = "select c.* from pg_class c where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p')"


async def _column(admin, query: str, *arguments) -> list:
    return [row[0] for row in await admin.fetch(query, *arguments)]


async def test_row_level_security_is_forced_on_every_table_and_partition(admin):
    rows = await admin.fetch(f"select relname, relrowsecurity and relforcerowsecurity as forced from ({TABLES}) t")
    assert len(rows) > 60
    assert [row["relname"] for row in rows if not row["forced"]] == []


async def test_every_table_has_one_tenant_policy_and_no_unreviewed_other(admin):
    tables = await _column(admin, f"select relname from ({TABLES}) t where not relispartition")
    policies = await admin.fetch("select * from pg_policies where schemaname = 'hub'")
    plain = "(org_id = ( SELECT hub.current_org() AS current_org))"
    for table in tables:
        mine = [p for p in policies if p["tablename"] == table and p["policyname"] == "tenant"]
        assert len(mine) == (0 if table in NO_TENANT_POLICY else 1), table
        for policy in mine:
            assert (policy["permissive"], policy["cmd"]) == ("PERMISSIVE", "ALL")
            assert set(policy["roles"]) <= {"hub_app", "hub_worker", "hub_tenant", "hub_readonly"}, table
            assert "( SELECT hub.current_org() AS current_org)" in policy["qual"]
            if table not in OTHER_TENANT_POLICY:
                assert (policy["qual"], policy["with_check"]) == (plain, plain), table
    others = {
        (p["tablename"], p["policyname"], p["permissive"])
        for p in policies
        if p["policyname"] not in {"tenant", "definer"}
    }
    assert others == OTHER_POLICIES
    for policy in policies:
        if policy["policyname"] == "definer":
            assert policy["roles"] == ["hub_definer"], policy["tablename"]
        assert "public" not in policy["roles"]
    partitions = await _column(admin, f"select relname from ({TABLES}) t where relispartition")
    assert {p["tablename"] for p in policies}.isdisjoint(partitions)


async def test_a_tenants_table_has_its_organization_in_every_row(admin):
    without = await _column(
        admin,
        f"select relname from ({TABLES}) t where not exists (select from pg_attribute a"
        " where a.attrelid = t.oid and a.attname = 'org_id' and a.attnotnull and a.atttypid = 'uuid'::regtype)",
    )
    assert set(without) == {"organizations", "people", "deployment", "schema_migrations"}


async def test_the_organization_is_in_every_key_and_first_in_every_index(admin):
    rows = await admin.fetch("""
        select i.indexrelid::regclass::text as name, i.indisunique,
            array(select pg_get_indexdef(i.indexrelid, n, true) from generate_series(1, i.indnkeyatts) n) as columns
        from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = 'hub'::regnamespace and not c.relispartition
    """)
    names = {row["name"].removeprefix("hub."): row for row in rows}
    unique = {name for name, row in names.items() if row["indisunique"] and "org_id" not in row["columns"]}
    assert unique == set(UNIQUE_WITHOUT_ORG)
    later = {name for name, row in names.items() if row["columns"][0] != "org_id"}
    assert later - set(UNIQUE_WITHOUT_ORG) == set(INDEX_WITHOUT_ORG_FIRST)


async def test_the_organization_is_in_every_foreign_key(admin):
    rows = await admin.fetch("""
        select k.conname, k.confrelid = 'hub.organizations'::regclass as to_organization,
            (select a.attname from pg_attribute a where a.attrelid = k.conrelid and a.attnum = k.conkey[1]) as first,
            (select a.attname from pg_attribute a where a.attrelid = k.confrelid and a.attnum = k.confkey[1]) as there
        from pg_constraint k where k.connamespace = 'hub'::regnamespace and k.contype = 'f' and k.conparentid = 0
    """)
    assert len(rows) > 20
    without = {
        row["conname"]
        for row in rows
        if row["first"] != "org_id" or not (row["to_organization"] or row["there"] == "org_id")
    }
    assert without == set(FOREIGN_WITHOUT_ORG)


async def test_grants_on_tables_are_plain_and_through_the_parents(admin):
    grants = await admin.fetch(f"""
        select t.relname, t.relispartition, coalesce(r.rolname, 'PUBLIC') as grantee, x.privilege_type as privilege
        from (
            select c.relname, c.relispartition, c.relowner, c.relacl as acl from ({TABLES}) c
            union all
            select c.relname, c.relispartition, c.relowner, a.attacl
            from ({TABLES}) c join pg_attribute a on a.attrelid = c.oid
        ) as t cross join lateral aclexplode(t.acl) as x left join pg_roles r on r.oid = x.grantee
        where x.grantee <> t.relowner
    """)
    assert len(grants) > 100
    assert [row["relname"] for row in grants if row["relispartition"]] == []
    assert {row["privilege"] for row in grants} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert {row["grantee"] for row in grants} <= {*LOGINS, "hub_definer"}
    # The host's backend publishes through functions; a tenant's own login only reads.
    assert "hub_publisher" not in {row["grantee"] for row in grants}
    for reader in ("hub_tenant", "hub_readonly"):
        assert {row["privilege"] for row in grants if row["grantee"] == reader} == {"SELECT"}


async def test_what_may_be_changed_may_be_read_too(admin):
    """An UPDATE without SELECT on the key could only ever be one of all rows."""
    rows = await admin.fetch(
        f"""
        select t.relname, r.role from ({TABLES}) t cross join unnest($1::text[]) as r (role)
        where has_any_column_privilege(r.role, t.oid, 'UPDATE') and exists (
            select from pg_index i join pg_attribute a on a.attrelid = t.oid and a.attnum = any (i.indkey)
            where i.indrelid = t.oid and i.indisprimary and not has_column_privilege(r.role, t.oid, a.attnum, 'SELECT'))
        """,
        [*LOGINS, "hub_definer"],
    )
    assert rows == []


async def test_the_roles_are_powerless_but_for_their_grants(admin):
    powers = "rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication or rolcanlogin"
    groups = [*LOGINS, "hub_definer"]
    assert await _column(admin, f"select rolname from pg_roles where rolname = any($1) and ({powers})", groups) == []
    members = "select r from unnest($1::text[]) r where pg_has_role(r, 'hub_definer', 'member')"
    assert await _column(admin, members, [*LOGINS, "hub_api_login", "hub_worker_login"]) == []
    crossed = await admin.fetch(
        "select a, b from unnest($1::text[]) a, unnest($1::text[]) b where a <> b and pg_has_role(a, b, 'member')",
        LOGINS,
    )
    assert crossed == []
    schema = await admin.fetch(
        "select coalesce(r.rolname, 'PUBLIC') as grantee, x.privilege_type from pg_namespace n"
        " cross join aclexplode(n.nspacl) x left join pg_roles r on r.oid = x.grantee"
        " where n.nspname = 'hub' and x.grantee <> n.nspowner"
    )
    assert {tuple(row) for row in schema} == {
        *((role, "USAGE") for role in (*LOGINS, "hub_definer")),
        ("hub_definer", "CREATE"),
    }


async def test_definer_functions_are_pinned_and_owned_as_reviewed(admin):
    rows = await admin.fetch("""
        select p.proname, p.prosecdef, r.rolname, coalesce(p.proconfig, '{}') as settings
        from pg_proc p join pg_roles r on r.oid = p.proowner where p.pronamespace = 'hub'::regnamespace
    """)
    definers = [row for row in rows if row["prosecdef"]]
    assert len(definers) > 20
    for row in definers:
        assert "search_path=pg_catalog, pg_temp" in row["settings"], row["proname"]
        assert (row["rolname"] == "hub_definer") == (row["proname"] not in OWNERS_FUNCTIONS), row["proname"]
    # Nobody's rights are lent by accident: what hub_definer owns runs with them.
    assert [row["proname"] for row in rows if row["rolname"] == "hub_definer" and not row["prosecdef"]] == []


async def test_no_function_may_be_called_by_everybody(admin):
    public = await _column(
        admin,
        "select p.oid::regprocedure::text from pg_proc p"
        " cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x"
        " where p.pronamespace = 'hub'::regnamespace and x.grantee = 0",
    )
    assert public == []


async def test_everything_says_what_it_is_for(admin):
    """Weekly partitions too; those that are always there are told of in the file of their parent."""
    silent = await _column(
        admin,
        f"select relname::text from ({TABLES}) t where obj_description(t.oid, 'pg_class') is null and not ("
        "  t.relispartition and (t.relname ~ '_(rest|open|ended)$'))"
        " union all select p.oid::regprocedure::text from pg_proc p"
        " where p.pronamespace = 'hub'::regnamespace and obj_description(p.oid, 'pg_proc') is null",
    )
    assert silent == []


async def test_no_type_needs_a_migration_for_a_new_word(admin):
    own = await _column(
        admin, "select typname from pg_type where typnamespace = 'hub'::regnamespace and typtype not in ('c', 'b')"
    )
    assert own == []
    timestamps = await _column(
        admin,
        f"select t.relname || '.' || a.attname from ({TABLES}) t join pg_attribute a on a.attrelid = t.oid"
        " where a.attnum > 0 and a.atttypid in ('timestamp'::regtype, 'money'::regtype, 'varchar'::regtype)",
    )
    assert timestamps == []


async def test_the_promised_names_exist_and_the_others_not_yet(admin):
    tables = set(await _column(admin, f"select relname from ({TABLES}) t"))
    assert tables >= NAMED_TABLES
    functions = set(await _column(admin, "select proname from pg_proc where pronamespace = 'hub'::regnamespace"))
    assert {"trigger_webhook", "log_integration_usage", "test_api_connection"} <= functions
    assert functions.isdisjoint({"execute_data_sync"})
