-- Which migrations this database has had. The composed schema writes them all at its end: a schema that was pasted
-- whole goes on from there.
create table hub.schema_migrations (
    name text primary key check (name ~ '^[0-9]{4}_[a-z0-9_]+$'),
    checksum text not null,
    applied_at timestamptz not null default now()
);

alter table hub.schema_migrations enable row level security;
alter table hub.schema_migrations force row level security;

-- No tenant's rows and no secret: every process of the hub checks at its start that the schema is as new as itself.
create policy everyone on hub.schema_migrations for select to hub_app, hub_worker using (true);
-- The owner is a member of hub_definer, and on most managed servers not above row-level security.
create policy installer on hub.schema_migrations to hub_definer using (true) with check (true);

grant select on hub.schema_migrations to hub_app, hub_worker;
comment on table hub.schema_migrations is 'Which migrations this database has had.';
