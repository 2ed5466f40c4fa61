-- A fact published for an organization: immutable, kept as the very bytes that are signed. Partitioned by week on its
-- own time-ordered id, so that a search by time prunes and old weeks are dropped, not deleted.
--
-- No foreign keys on this table and its two companions below: checking them would lock the organization's row for
-- every event. accept_events() checks the organization itself and is the only way in.
create table hub.webhook_events (
    org_id uuid not null,
    id uuid not null,
    key text check (key ~ '^[A-Za-z0-9_-]{1,64}$'),
    type text collate "C" not null check (length(type) <= 128 and type ~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$'),
    body bytea check (octet_length(body) <= 1048576),
    occurred_at timestamptz not null,
    accepted_at timestamptz not null,
    fanout_id uuid not null,
    only_endpoint_id uuid,
    channels text[] check (cardinality(channels) between 1 and 5),
    ordering_key text check (length(ordering_key) between 1 and 128),
    origin_id uuid,
    unchecked boolean not null default false,
    expunged_at timestamptz,
    primary key (org_id, id),
    check ((body is null) = (expunged_at is not null))
) partition by range (id);
create table hub.webhook_events_rest partition of hub.webhook_events default;

-- Search by type: ids are time-ordered, so within a type this is by time. In the order of bytes, whatever the database's
-- own is: only so are the types of a prefix (`invoice.*`) neighbours.
create index webhook_events_type_idx on hub.webhook_events (org_id, type, id);
create index webhook_events_key_idx on hub.webhook_events (org_id, key) where key is not null;

-- Search by ordering key. Partial: an event without one, as most are, pays nothing for it.
create index webhook_events_ordering_idx on hub.webhook_events (org_id, ordering_key, id) where ordering_key is not null;

-- How one event type, on its channels, fans out over an organization's endpoints as they were at one revision: which get a delivery,
-- and why each other one does not. Worked out once and shared by every event that meets the same endpoints, so that a
-- verdict for every endpoint costs an event nothing.
create table hub.webhook_fanouts (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    id uuid not null default hub.uuidv7(),
    event_type text collate "C" not null,
    channels text[] not null default '{}',
    revision bigint not null,
    endpoint_ids uuid[] not null,
    endpoint_modes text[] not null check (endpoint_modes <@ array['push', 'pull', 'key', 'endpoint']),
    skipped_ids uuid[] not null,
    skipped_reasons text[] not null check (skipped_reasons <@ array['event_type', 'channel', 'disabled']),
    created_at timestamptz not null default now(),
    primary key (org_id, id),
    unique (org_id, event_type, channels, revision),
    check (cardinality(endpoint_ids) = cardinality(endpoint_modes)),
    check (cardinality(skipped_ids) = cardinality(skipped_reasons))
);

alter table hub.webhook_events enable row level security;
alter table hub.webhook_events force row level security;
alter table hub.webhook_events_rest enable row level security;
alter table hub.webhook_events_rest force row level security;
alter table hub.webhook_fanouts enable row level security;
alter table hub.webhook_fanouts force row level security;

create policy tenant on hub.webhook_events to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_events to hub_definer using (true) with check (true);
create policy tenant on hub.webhook_fanouts to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_fanouts to hub_definer using (true) with check (true);

grant select on hub.webhook_events to hub_app, hub_worker, hub_tenant, hub_readonly;
grant update (body, expunged_at) on hub.webhook_events to hub_app;
grant select, insert, delete, update (body, expunged_at) on hub.webhook_events to hub_definer;
grant select on hub.webhook_fanouts to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert on hub.webhook_fanouts to hub_definer;
comment on table hub.webhook_events is 'Facts published for an organization, immutable.';
comment on column hub.webhook_events.key is 'The id the publisher gave it; unique per organization while it is remembered.';
comment on column hub.webhook_events.body is 'The message as it is signed and sent: {"type", "timestamp", "data"}.';
comment on column hub.webhook_events.only_endpoint_id is 'Set on a test send: the one endpoint it is meant for.';
comment on column hub.webhook_events.channels is 'Reaches endpoints of one of these channels and those without any.';
comment on column hub.webhook_events.ordering_key is 'Endpoints that keep order get events of one key one after the other.';
comment on column hub.webhook_events.origin_id is 'The event that this one is an edited copy of.';
comment on column hub.webhook_events.unchecked is 'Published from SQL, where no contract can be checked: the worker does it.';
comment on column hub.webhook_events.expunged_at is 'When the message was removed for good; the rest of the record stays.';
comment on table hub.webhook_fanouts is 'The verdict for every endpoint, per event type, channels and revision of the endpoints.';
