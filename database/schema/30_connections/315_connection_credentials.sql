-- What a connection is worked with, sealed: one row a token slot (Slack has a bot's and a user's, which are renewed apart),
-- and one named `$entered` for what somebody typed in.
--
-- Renewing is single-flight across processes and survives any of them being killed, without a lock that outlives a
-- statement, so that a pooler in transaction mode may stand in between:
--   1. lease: who raises `fence` while nobody holds the lease may go on, for the lease's length
--   2. intent: what is about to be spent is written down (`intent_fence`), committed, before the provider is called
--   3. store: the answer is written where `version` is still the one that was spent and `intent_fence` one's own
-- An intent that is still there when the next one takes the lease says that nobody knows what the provider did.
create table hub.connection_credentials (
    org_id uuid not null,
    connection_id uuid not null,
    slot text not null check (slot ~ '^[$a-z][a-z0-9_]{0,62}$'),
    sealed bytea not null,
    version integer not null default 1,
    renewal text check (renewal in ('refresh', 'obtain', 'steps')),
    obtained_at timestamptz not null default now(),
    expires_at timestamptz,
    idle_seconds integer check (idle_seconds > 0),
    grant_expires_at timestamptz,
    due_at timestamptz,
    dead_at timestamptz,
    failures integer not null default 0,
    retry_at timestamptz,
    last_error text check (length(last_error) <= 200),
    fence integer not null default 0,
    lease_until timestamptz,
    intent_fence integer,
    sealed_intent bytea,
    sealed_previous bytea,
    previous_until timestamptz,
    primary key (org_id, connection_id, slot),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    check ((intent_fence is null) = (sealed_intent is null))
);

create index connection_credentials_due_idx on hub.connection_credentials (due_at) where due_at is not null;
create index connection_credentials_previous_idx on hub.connection_credentials (previous_until) where previous_until is not null;

alter table hub.connection_credentials enable row level security;
alter table hub.connection_credentials force row level security;

create policy tenant on hub.connection_credentials to hub_app, hub_worker
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.connection_credentials to hub_definer using (true) with check (true);

grant select, insert, update, delete on hub.connection_credentials to hub_app, hub_worker;
grant select, update (due_at, sealed_previous, previous_until) on hub.connection_credentials to hub_definer;
comment on table hub.connection_credentials is 'Tokens, keys and passwords of connections, sealed, one row a slot.';
comment on column hub.connection_credentials.version is 'Rises with each credential: what is stored replaces the one that was spent, or nothing.';
comment on column hub.connection_credentials.renewal is 'How a new one is had: by a refresh token, by asking anew, by the manifest''s steps; null: by a person.';
comment on column hub.connection_credentials.fence is 'Rises with each lease.';
comment on column hub.connection_credentials.intent_fence is 'The fence of whoever last set out to call the provider: only that one''s answer may be stored.';
comment on column hub.connection_credentials.sealed_intent is 'What is being spent, by whom, since when.';
comment on column hub.connection_credentials.sealed_previous is 'The credential before this one, for some minutes.';
comment on column hub.connection_credentials.grant_expires_at is 'When the grant itself ends whatever it is used for: a person must authorize anew.';
comment on column hub.connection_credentials.idle_seconds is 'A refresh token that is not used for this long is dead.';


-- Credentials that are due to be renewed, 64 at most, each put off by `p_pause` so that no other worker takes it up at
-- once. Renewing itself takes the lease like everybody else.
create function hub.claim_credential_renewals(p_pause interval)
returns table (org_id uuid, connection_id uuid, slot text, version integer)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with picked as (
        select c.org_id, c.connection_id, c.slot from hub.connection_credentials c
        where c.due_at <= now()
        order by c.due_at limit 64
        for update skip locked
    )
    update hub.connection_credentials c set due_at = now() + p_pause
    from picked p
    where c.org_id = p.org_id and c.connection_id = p.connection_id and c.slot = p.slot
    returning c.org_id, c.connection_id, c.slot, c.version
$$;
alter function hub.claim_credential_renewals(interval) owner to hub_definer;
revoke execute on function hub.claim_credential_renewals(interval) from public;
grant execute on function hub.claim_credential_renewals(interval) to hub_worker;
comment on function hub.claim_credential_renewals(interval) is 'Credentials that are due to be renewed, each given to one worker.';


-- Forget credentials that were replaced some minutes ago: 5,000 at most a call.
create function hub.forget_previous_credentials() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    with old as (
        select org_id, connection_id, slot from hub.connection_credentials where previous_until < now() limit 5000
        for update skip locked
    )
    update hub.connection_credentials c set sealed_previous = null, previous_until = null
    from old where (c.org_id, c.connection_id, c.slot) = (old.org_id, old.connection_id, old.slot);
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_previous_credentials() owner to hub_definer;
revoke execute on function hub.forget_previous_credentials() from public;
grant execute on function hub.forget_previous_credentials() to hub_worker;
comment on function hub.forget_previous_credentials() is 'Drop credentials that were replaced some minutes ago.';
