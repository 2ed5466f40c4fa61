-- The sources of the scheme `pulled`: a worker fetches their messages from a queue, keeps them like any that were posted,
-- and tells the queue only then. What the queue is, is in the source's configuration; its credential is its secret.
create table hub.inbound_pulls (
    org_id uuid not null,
    source_id uuid not null,
    status text not null default 'active' check (status in ('active', 'failing')),
    due_at timestamptz not null default now(),
    fence integer not null default 0,
    failures integer not null default 0,
    error_code text check (length(error_code) <= 60),
    error text check (length(error) <= 500),
    fetched bigint not null default 0,
    fetched_at timestamptz,
    primary key (org_id, source_id),
    foreign key (org_id, source_id) references hub.inbound_sources (org_id, id) on delete cascade
);

-- While one is leased `due_at` is the end of its lease.
create index inbound_pulls_due_idx on hub.inbound_pulls (due_at);

alter table hub.inbound_pulls enable row level security;
alter table hub.inbound_pulls force row level security;

create policy tenant on hub.inbound_pulls to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.inbound_pulls to hub_definer using (true) with check (true);

grant select, insert, update (due_at) on hub.inbound_pulls to hub_app;
grant select, update (status, due_at, failures, error_code, error, fetched, fetched_at) on hub.inbound_pulls to hub_worker;
grant select on hub.inbound_pulls to hub_readonly;
grant select, update (due_at, fence) on hub.inbound_pulls to hub_definer;
comment on table hub.inbound_pulls is 'How fetching from the queues of sources of the scheme pulled stands.';
comment on column hub.inbound_pulls.fetched is 'Messages that were fetched and kept, repetitions included.';


-- Take queues in hand that are to be asked, for the length of the lease, with the newest live credential of each.
create function hub.claim_pulls(p_lease interval, p_limit integer)
returns table (
    org_id uuid, source_id uuid, config jsonb, status text, failures integer, fence integer, secret_id uuid, sealed bytea
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    v_now timestamptz := clock_timestamp();
begin
    return query
    with picked as materialized (
        select p.org_id, p.source_id, s.config
        from hub.inbound_pulls p
        join hub.inbound_sources s on s.org_id = p.org_id and s.id = p.source_id and s.status = 'enabled'
        join hub.organizations o on o.id = p.org_id and o.suspended_at is null
        where p.due_at <= v_now
        order by p.due_at
        limit p_limit
        for update of p skip locked
    ), taken as (
        update hub.inbound_pulls p set due_at = v_now + p_lease, fence = p.fence + 1
        from picked k where p.org_id = k.org_id and p.source_id = k.source_id
        returning p.org_id, p.source_id, k.config, p.status, p.failures, p.fence
    )
    select t.*, k.id, k.sealed
    from taken t
    left join lateral (
        select x.id, x.sealed from hub.inbound_source_secrets x
        where x.org_id = t.org_id and x.source_id = t.source_id and (x.expires_at is null or x.expires_at > v_now)
        order by x.id desc limit 1
    ) k on true;
end
$$;
alter function hub.claim_pulls(interval, integer) owner to hub_definer;
revoke execute on function hub.claim_pulls(interval, integer) from public;
grant execute on function hub.claim_pulls(interval, integer) to hub_worker;
comment on function hub.claim_pulls(interval, integer) is 'Lease queues that are to be asked for messages to a worker.';
