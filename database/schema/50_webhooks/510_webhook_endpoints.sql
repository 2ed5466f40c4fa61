-- A receiver of an organization's events.
create table hub.webhook_endpoints (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    url text not null check (length(url) between 8 and 2000),
    description text not null default '' check (length(description) <= 500),
    event_types text[] not null default '{*}' check (cardinality(event_types) between 1 and 100),
    status text not null default 'enabled' check (status in ('enabled', 'disabled')),
    disabled_reason text check (disabled_reason in ('by_request', 'gone')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    check ((status = 'disabled') = (disabled_reason is not null))
);

-- The signing secrets of an endpoint, sealed. Several are live while one is rotated out.
create table hub.webhook_endpoint_secrets (
    org_id uuid not null,
    endpoint_id uuid not null,
    id uuid not null default hub.uuidv7(),
    sealed bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    primary key (org_id, endpoint_id, id),
    foreign key (org_id, endpoint_id) references hub.webhook_endpoints (org_id, id) on delete cascade
);

-- How often the set of an organization's endpoints has changed: the fan-out of an event type is worked out once per
-- revision. Raised by a trigger, so that no code path can forget to.
create table hub.webhook_endpoint_revisions (
    org_id uuid primary key references hub.organizations (id) on delete cascade,
    revision bigint not null
);

alter table hub.webhook_endpoints enable row level security;
alter table hub.webhook_endpoints force row level security;
alter table hub.webhook_endpoint_secrets enable row level security;
alter table hub.webhook_endpoint_secrets force row level security;
alter table hub.webhook_endpoint_revisions enable row level security;
alter table hub.webhook_endpoint_revisions force row level security;

create policy tenant on hub.webhook_endpoints to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_endpoints to hub_definer using (true);

create policy tenant on hub.webhook_endpoint_secrets to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

create policy definer on hub.webhook_endpoint_revisions to hub_definer using (true) with check (true);

grant select, insert, delete, update (url, description, event_types, status, disabled_reason, updated_at)
    on hub.webhook_endpoints to hub_app;
grant select, update (status, disabled_reason, updated_at) on hub.webhook_endpoints to hub_worker;
grant select on hub.webhook_endpoints to hub_tenant, hub_readonly, hub_definer;
grant select, insert, delete, update (expires_at) on hub.webhook_endpoint_secrets to hub_app;
grant select on hub.webhook_endpoint_secrets to hub_worker;
grant select, insert, update on hub.webhook_endpoint_revisions to hub_definer;
comment on table hub.webhook_endpoints is 'Receivers of an organization''s events.';
comment on column hub.webhook_endpoints.event_types is 'Exact types, prefixes such as invoice.*, or * for all.';
comment on table hub.webhook_endpoint_secrets is 'Signing secrets of endpoints, sealed; several while one is rotated out.';
comment on table hub.webhook_endpoint_revisions is 'Counts the changes to an organization''s endpoints.';


create function hub.bump_endpoint_revision() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Deleting an organization takes its endpoints with it: there is no revision left to count then.
    insert into hub.webhook_endpoint_revisions (org_id, revision)
    select o.id, 1 from hub.organizations o where o.id = coalesce(new.org_id, old.org_id)
    on conflict (org_id) do update set revision = webhook_endpoint_revisions.revision + 1;
    return null;
end
$$;
alter function hub.bump_endpoint_revision() owner to hub_definer;
revoke execute on function hub.bump_endpoint_revision() from public;
comment on function hub.bump_endpoint_revision() is 'Counts a change to the set of an organization''s endpoints.';

create trigger bump_endpoint_revision
    after insert or delete or update of event_types, status on hub.webhook_endpoints
    for each row execute function hub.bump_endpoint_revision();


-- Does an event type match one of the patterns? `*` is all, `invoice.*` is everything below invoice, else equality.
create function hub.event_type_matches(p_type text, p_patterns text[]) returns boolean
language sql immutable parallel safe strict
as $$
    select exists (
        select from unnest(p_patterns) as p (pattern)
        where p.pattern = '*' or p.pattern = p_type
            or (right(p.pattern, 2) = '.*' and starts_with(p_type, left(p.pattern, -1)))
    )
$$;
revoke execute on function hub.event_type_matches(text, text[]) from public;
grant execute on function hub.event_type_matches(text, text[]) to hub_app, hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on function hub.event_type_matches(text, text[]) is 'Whether an event type matches one of an endpoint''s patterns.';
