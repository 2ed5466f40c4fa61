-- A provider's promise to send what happens to an account, which has to be asked for and, with most, renewed before it
-- ends. A worker does both. What the provider is told to send to, with the secret its messages are to bear, is sealed:
-- renewing takes it again.
--
--   status   pending -> active <-> failing -> (expired at the provider, made anew) active
--            cancelling: it is ended at the provider, and then it is gone with its source
create table hub.inbound_subscriptions (
    org_id uuid not null,
    id uuid not null default hub.uuidv7(),
    connection_id uuid not null,
    source_id uuid not null,
    wanted text[] not null default '{}' check (cardinality(wanted) <= 20),
    sealed bytea not null,
    status text not null default 'pending' check (status in ('pending', 'active', 'failing', 'cancelling')),
    kept jsonb check (jsonb_typeof(kept) = 'object' and octet_length(kept::text) <= 16384),
    expires_at timestamptz,
    renewed_at timestamptz,
    due_at timestamptz not null default now(),
    fence integer not null default 0,
    failures integer not null default 0,
    error_code text check (length(error_code) <= 60),
    error text check (length(error) <= 500),
    created_by text check (length(created_by) <= 200),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (org_id, id),
    foreign key (org_id, connection_id) references hub.api_connections (org_id, id) on delete cascade,
    foreign key (org_id, source_id) references hub.inbound_sources (org_id, id) on delete cascade,
    check (status <> 'active' or kept is not null)
);

create unique index inbound_subscriptions_wanted_key on hub.inbound_subscriptions (org_id, connection_id, wanted)
    where status <> 'cancelling';
create index inbound_subscriptions_source_idx on hub.inbound_subscriptions (org_id, source_id);
-- While one is leased `due_at` is the end of its lease.
create index inbound_subscriptions_due_idx on hub.inbound_subscriptions (due_at);

alter table hub.inbound_subscriptions enable row level security;
alter table hub.inbound_subscriptions force row level security;

create policy tenant on hub.inbound_subscriptions to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_subscriptions to hub_definer using (true) with check (true);

grant select, insert, delete, update (status, due_at, updated_at) on hub.inbound_subscriptions to hub_app;
grant select, delete, update (
    status, kept, expires_at, renewed_at, due_at, failures, error_code, error, updated_at
) on hub.inbound_subscriptions to hub_worker;
grant select (
    org_id, id, connection_id, source_id, wanted, status, expires_at, renewed_at, due_at, failures, error_code, error,
    created_by, created_at, updated_at
) on hub.inbound_subscriptions to hub_readonly;
grant select, update (due_at, fence) on hub.inbound_subscriptions to hub_definer;
comment on table hub.inbound_subscriptions is 'Subscriptions at providers: made, renewed and ended by a worker.';
comment on column hub.inbound_subscriptions.wanted is 'What of the account is to be told, in the integration''s words.';
comment on column hub.inbound_subscriptions.sealed is 'The address that the provider sends to and the secret it sends along.';
comment on column hub.inbound_subscriptions.kept is 'What the provider called it: renewing and ending take that.';


-- Take subscriptions in hand that are to be made, renewed or ended, 16 at most, for the length of the lease.
create function hub.claim_subscriptions(p_lease interval) returns setof hub.inbound_subscriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select s.org_id, s.id from hub.inbound_subscriptions s
        where s.due_at <= v_now order by s.due_at limit 16 for update skip locked
    )
    update hub.inbound_subscriptions s set due_at = v_now + p_lease, fence = s.fence + 1
    from picked p where s.org_id = p.org_id and s.id = p.id
    returning s.*;
end
$$;
alter function hub.claim_subscriptions(interval) owner to hub_definer;
revoke execute on function hub.claim_subscriptions(interval) from public;
grant execute on function hub.claim_subscriptions(interval) to hub_worker;
comment on function hub.claim_subscriptions(interval) is 'Lease due subscriptions to a worker.';
