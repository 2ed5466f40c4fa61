"""A difference of each kind that a catalog fingerprint must not overlook."""

PLANTED: dict[str, tuple[str, ...]] = {
    "schemas": (
        "create schema another",
        "grant usage on schema hub to pg_monitor",
    ),
    "relations": (
        "create table hub.planted (n integer)",
        "alter table hub.organizations disable row level security",
        "alter table hub.organizations no force row level security",
        "alter table hub.webhook_events_rest no force row level security",
        "alter table hub.organizations owner to pg_monitor",
        "alter table hub.organizations replica identity full",
        "create view hub.planted as select 1 as n",
    ),
    "grants on relations": (
        "grant truncate on hub.organizations to hub_app",
        "revoke select on hub.organizations from hub_tenant",
    ),
    "storage options": (
        "alter table hub.webhook_deliveries_open set (fillfactor = 90)",
        "alter table hub.webhook_deliveries_open reset (autovacuum_vacuum_threshold)",
    ),
    "partitions": (
        (
            "create table hub.planted partition of hub.webhook_events for values from "
            "('00000000-0000-0000-0000-000000000000') to ('00000000-0000-0000-0000-000000000001')"
        ),
        "alter table hub.webhook_events detach partition hub.webhook_events_rest",
    ),
    "columns": (
        "alter table hub.organizations add column planted integer",
        "alter table hub.organizations alter column suspended_at type timestamptz(3)",
        "alter table hub.organizations alter column name set default 'x'",
        "alter table hub.organizations alter column name drop not null",
        "alter table hub.organizations alter column id drop default",
        "alter table hub.organizations rename column suspended_at to closed_at",
        "alter table hub.organizations add column planted integer generated always as (1) stored",
        "alter table hub.organizations add column planted integer generated always as identity",
        "alter table hub.organizations alter column name set storage plain",
        'alter table hub.organizations alter column name type text collate "C"',
        (
            "alter table hub.organizations drop column suspended_at; alter table hub.organizations add column "
            "created_later timestamptz"
        ),
    ),
    "grants on columns": ("grant update (slug) on hub.organizations to hub_app",),
    "constraints": (
        "alter table hub.organizations add constraint planted check (length(name) > 1)",
        "alter table hub.organizations drop constraint organizations_slug_key",
        (
            "alter table hub.webhook_endpoints drop constraint webhook_endpoints_org_id_fkey; alter table "
            "hub.webhook_endpoints add foreign key (org_id) references hub.organizations (id)"
        ),
        "alter table hub.organizations add constraint planted check (length(name) > 1) not valid",
    ),
    "indexes": (
        "create index planted on hub.organizations (name)",
        (
            "drop index hub.audit_log_action_idx; create index audit_log_action_idx on hub.audit_log (org_id, "
            "action, id desc)"
        ),
        (
            "drop index hub.webhook_deliveries_due_idx; create index webhook_deliveries_due_idx on "
            "hub.webhook_deliveries_open (org_id, endpoint_id, due_at) where state <> 'held'"
        ),
    ),
    "policies": (
        "create policy planted on hub.organizations using (true)",
        "drop policy tenant on hub.organizations",
        "alter policy tenant on hub.organizations using (id = hub.current_org())",
        "alter policy tenant on hub.organizations with check (true)",
        "alter policy tenant on hub.organizations to public",
    ),
    "triggers": (
        "drop trigger bump_endpoint_revision on hub.webhook_endpoints",
        "alter table hub.webhook_endpoints disable trigger bump_endpoint_revision",
    ),
    "functions": (
        "create function hub.planted() returns int language sql as 'select 1'",
        "alter function hub.queue_state() security invoker",
        "alter function hub.queue_state() owner to current_user",
        "alter function hub.queue_state() set search_path = public",
        "alter function hub.queue_state() volatile",
        "alter function hub.queue_state() rows 7",
        (
            "create or replace function hub.calling_role() returns name language sql stable parallel safe set "
            "search_path = pg_catalog, pg_temp as 'select session_user'"
        ),
    ),
    "grants on functions": (
        "grant execute on function hub.queue_state() to public",
        "revoke execute on function hub.queue_state() from hub_worker",
    ),
    "types": (
        "create type hub.planted as enum ('a')",
        "create domain hub.planted as text check (value <> '')",
    ),
    "comments": (
        "comment on table hub.organizations is 'Another.'",
        "comment on column hub.organizations.operator is null",
        "comment on function hub.queue_state() is 'Another.'",
        "comment on schema hub is 'Another.'",
        "comment on policy tenant on hub.organizations is 'Another.'",
    ),
    "default privileges": ("alter default privileges in schema hub grant select on tables to public",),
    "extensions": ("drop extension plpgsql cascade",),
    "settings of the database": (
        "do $$ begin execute format('alter database %I set work_mem = ''64MB''', current_database()); end $$",
    ),
    "other objects": (
        "create statistics hub.planted on slug, name from hub.organizations",
        "create rule planted as on delete to hub.organizations do instead nothing",
    ),
}
