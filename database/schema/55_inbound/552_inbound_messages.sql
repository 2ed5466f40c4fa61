-- What a provider sent and a source has verified: the raw body, kept so that it can be processed again, and how far its
-- processing is. Partitioned by week on its own time-ordered id.
--
-- No foreign keys here and below, for the reason that webhook_events has none.
create table hub.inbound_messages (
    org_id uuid not null,
    id uuid not null,
    source_id uuid not null,
    provider_event_id text check (length(provider_event_id) between 1 and 255),
    method text not null check (method in ('GET', 'POST')),
    query text not null default '' check (length(query) <= 65536),
    headers json not null,
    body bytea not null check (octet_length(body) <= 1048576),
    received_at timestamptz not null default now(),
    verdict text not null default 'verified' check (verdict in ('verified', 'handshake')),
    state text not null default 'received' check (state in ('received', 'processed', 'failed', 'ignored')),
    attempts smallint not null default 0,
    replays integer not null default 0,
    due_at timestamptz not null default now(),
    leased boolean not null default false,
    fence integer not null default 0,
    event_id uuid,
    event_ids uuid[] check (cardinality(event_ids) between 2 and 1000),
    passed_on integer,
    error text check (length(error) <= 500),
    primary key (org_id, id),
    check (not leased or state = 'received'),
    check (state <> 'processed' or event_id is not null or passed_on is not null),
    check (verdict = 'verified' or state = 'ignored')
) partition by range (id);
create table hub.inbound_messages_rest partition of hub.inbound_messages default;

-- While a message is leased `due_at` is the end of its lease.
create index inbound_messages_due_idx on hub.inbound_messages (due_at) where state = 'received';
create index inbound_messages_source_idx on hub.inbound_messages (org_id, source_id, id);
-- For the day on which an event is removed, and with it what it was made of.
create index inbound_messages_event_idx on hub.inbound_messages (org_id, event_id) where event_id is not null;

create index inbound_messages_events_idx on hub.inbound_messages using gin (event_ids) where event_ids is not null;

-- Which of a provider's event ids a source has had: across the weeks that its messages lie in.
create table hub.inbound_seen (
    org_id uuid not null,
    source_id uuid not null,
    provider_event_id text not null check (length(provider_event_id) between 1 and 255),
    message_id uuid not null,
    repeats integer not null default 0,
    expires_at timestamptz not null,
    primary key (org_id, source_id, provider_event_id)
);

create index inbound_seen_expiry_idx on hub.inbound_seen (expires_at);

-- How many requests a source refused, by day and reason: counted, not kept, so that a flood cannot fill the disk.
create table hub.inbound_refusals (
    org_id uuid not null,
    source_id uuid not null,
    day date not null,
    reason text not null check (reason ~ '^[a-z_]{1,40}$'),
    count bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_address text check (length(last_address) <= 64),
    primary key (org_id, source_id, day, reason)
);

create index inbound_refusals_day_idx on hub.inbound_refusals (day);

alter table hub.inbound_messages enable row level security;
alter table hub.inbound_messages force row level security;
alter table hub.inbound_messages_rest enable row level security;
alter table hub.inbound_messages_rest force row level security;
alter table hub.inbound_seen enable row level security;
alter table hub.inbound_seen force row level security;
alter table hub.inbound_refusals enable row level security;
alter table hub.inbound_refusals force row level security;

create policy tenant on hub.inbound_messages to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_messages to hub_definer using (true) with check (true);
create policy tenant on hub.inbound_seen to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_seen to hub_definer using (true) with check (true);
create policy tenant on hub.inbound_refusals to hub_app, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_refusals to hub_definer using (true) with check (true);

grant select, update (state, attempts, replays, due_at, leased, fence, error) on hub.inbound_messages to hub_app;
grant select on hub.inbound_messages to hub_worker;
grant select (
    org_id, id, source_id, provider_event_id, method, received_at, verdict, state, attempts, replays, due_at, event_id,
    event_ids, passed_on, error
) on hub.inbound_messages to hub_readonly;
grant select, insert, update, delete on hub.inbound_messages to hub_definer;
grant select on hub.inbound_seen to hub_app, hub_readonly;
grant select, insert, update, delete on hub.inbound_seen to hub_definer;
grant select on hub.inbound_refusals to hub_app, hub_readonly;
grant select, insert, update, delete on hub.inbound_refusals to hub_definer;
comment on table hub.inbound_messages is 'What providers sent, verified, with its raw body and how far its processing is.';
comment on column hub.inbound_messages.headers is 'Pairs of name and value, secrets redacted.';
comment on column hub.inbound_messages.verdict is 'verified, or handshake: a challenge that was answered and has no event.';
comment on column hub.inbound_messages.event_ids is 'All events that were made of it, where there are several.';
comment on column hub.inbound_messages.passed_on is
    'To how many organizations it was passed on; its body is with them, and here no more.';
comment on column hub.inbound_messages.replays is 'How often somebody had it processed again: each time publishes anew.';
comment on table hub.inbound_seen is 'Event ids of providers that a source has had, so that each is stored once.';
comment on column hub.inbound_seen.repeats is 'How often it came again.';
comment on table hub.inbound_refusals is 'Counts of refused requests by source, day and reason.';
