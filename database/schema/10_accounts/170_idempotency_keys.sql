-- What an organization has already asked for, so that asking twice does it once. `event_id` is the publisher's own id
-- of an event, `event` an Idempotency-Key on publishing, `request` one on any other write, whose answer is kept
-- sealed (it may hold a secret that is shown only once).
create table hub.idempotency_keys (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    scope text not null check (scope in ('event_id', 'event', 'request')),
    key text not null check (length(key) between 1 and 255),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    event_id uuid,
    status smallint,
    sealed_answer bytea,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (org_id, scope, key)
);

create index idempotency_keys_expiry_idx on hub.idempotency_keys (expires_at);

alter table hub.idempotency_keys enable row level security;
alter table hub.idempotency_keys force row level security;

create policy tenant on hub.idempotency_keys to hub_app
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.idempotency_keys to hub_definer using (true) with check (true);

grant select, insert, delete, update (status, sealed_answer, created_at) on hub.idempotency_keys to hub_app;
grant select, insert, delete on hub.idempotency_keys to hub_definer;
comment on table hub.idempotency_keys is 'Requests an organization has made before, so that asking twice does it once.';


-- Forget what has expired, in the idempotency keys, the sessions, the invitations, the OAuth flows and links, and in the connect pages (a month later): 5,000 rows at most a call, oldest first.
create function hub.forget_expired() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
    v_sessions bigint;
    v_invitations bigint;
    v_flows bigint;
    v_links bigint;
    v_pages bigint;
begin
    with old as (select org_id, scope, key from hub.idempotency_keys where expires_at < now() order by expires_at limit 5000)
    delete from hub.idempotency_keys k using old
    where (k.org_id, k.scope, k.key) = (old.org_id, old.scope, old.key);
    get diagnostics v_count = row_count;
    with old as (select org_id, id from hub.sessions where expires_at < now() limit 5000)
    delete from hub.sessions s using old where (s.org_id, s.id) = (old.org_id, old.id);
    get diagnostics v_sessions = row_count;
    with old as (select org_id, id from hub.invitations where expires_at < now() limit 5000)
    delete from hub.invitations i using old where (i.org_id, i.id) = (old.org_id, old.id);
    get diagnostics v_invitations = row_count;
    with old as (select org_id, id from hub.oauth_flows where expires_at < now() limit 5000)
    delete from hub.oauth_flows f using old where (f.org_id, f.id) = (old.org_id, old.id);
    get diagnostics v_flows = row_count;
    with old as (select org_id, id from hub.oauth_links where expires_at < now() limit 5000)
    delete from hub.oauth_links l using old where (l.org_id, l.id) = (old.org_id, old.id);
    get diagnostics v_links = row_count;
    with old as (select org_id, id from hub.connect_sessions where expires_at < now() - interval '30 days' limit 5000)
    delete from hub.connect_sessions c using old where (c.org_id, c.id) = (old.org_id, old.id);
    get diagnostics v_pages = row_count;
    return v_count + v_sessions + v_invitations + v_flows + v_links + v_pages;
end
$$;
alter function hub.forget_expired() owner to hub_definer;
revoke execute on function hub.forget_expired() from public;
grant execute on function hub.forget_expired() to hub_worker;
comment on function hub.forget_expired() is
    'Delete expired idempotency keys, sessions, invitations, OAuth flows, links and connect pages, a batch at a time.';
