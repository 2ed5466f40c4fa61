-- What may still be called at a provider, shared by all processes: a token bucket for each budget that a manifest declares
-- and each account, client or connection that spends it. Several organizations can have connected one account, and one
-- client serves them all; so the rows belong to the integration's owner, and are reached by these functions alone.
create table hub.rate_budgets (
    org_id uuid not null references hub.organizations (id) on delete cascade,
    key bytea not null check (octet_length(key) = 32),
    tokens double precision not null,
    tokens_at timestamptz not null,
    blocked_until timestamptz,
    primary key (org_id, key)
);

create index rate_budgets_idle_idx on hub.rate_budgets (tokens_at);

alter table hub.rate_budgets enable row level security;
alter table hub.rate_budgets force row level security;

create policy tenant on hub.rate_budgets to hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.rate_budgets to hub_definer using (true) with check (true);

grant select on hub.rate_budgets to hub_readonly;
grant select, insert, update, delete on hub.rate_budgets to hub_definer;
comment on table hub.rate_budgets is 'Token buckets of calls to providers, by the digest of whose budget it is.';


-- Take one token of each of these budgets, or of none: the arrays run in parallel, in the order of the keys. Answers 0,
-- or how many milliseconds to wait before asking again. A loss of this in a power failure does no harm, so that nobody
-- waits for the disk.
create function hub.take_rate_budgets(p_org_id uuid, p_keys bytea[], p_limits double precision[], p_seconds double precision[])
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_budget record;
    v_has double precision[] := '{}';
    v_tokens double precision;
    v_wait double precision := 0;
begin
    perform set_config('synchronous_commit', 'off', true);
    for i in 1..cardinality(p_keys) loop
        insert into hub.rate_budgets (org_id, key, tokens, tokens_at) values (p_org_id, p_keys[i], p_limits[i], v_now)
        on conflict (org_id, key) do nothing;
        select b.tokens, b.tokens_at, b.blocked_until into v_budget
        from hub.rate_budgets b where b.org_id = p_org_id and b.key = p_keys[i] for update;
        v_tokens := least(
            p_limits[i],
            v_budget.tokens + greatest(extract(epoch from v_now - v_budget.tokens_at), 0) * p_limits[i] / p_seconds[i]
        );
        v_has := v_has || v_tokens;
        if v_tokens < 1 then
            v_wait := greatest(v_wait, (1 - v_tokens) * p_seconds[i] / p_limits[i]);
        end if;
        if v_budget.blocked_until > v_now then
            v_wait := greatest(v_wait, extract(epoch from v_budget.blocked_until - v_now));
        end if;
    end loop;
    if v_wait > 0 then
        return ceil(v_wait * 1000)::bigint;
    end if;
    for i in 1..cardinality(p_keys) loop
        update hub.rate_budgets b set tokens = v_has[i] - 1, tokens_at = v_now, blocked_until = null
        where b.org_id = p_org_id and b.key = p_keys[i];
    end loop;
    return 0;
end
$$;
alter function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) owner to hub_definer;
revoke execute on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) from public;
grant execute on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) to hub_app, hub_worker;
comment on function hub.take_rate_budgets(uuid, bytea[], double precision[], double precision[]) is
    'Take a token of each budget, or say how many milliseconds to wait.';


-- What the provider itself says is left (null: nothing said), and for how many milliseconds nobody should call.
create function hub.correct_rate_budget(p_org_id uuid, p_key bytea, p_remaining double precision, p_blocked_ms bigint)
returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    update hub.rate_budgets b set
        tokens = least(b.tokens, coalesce(p_remaining, b.tokens)),
        blocked_until = case
            when p_blocked_ms > 0 then greatest(b.blocked_until, clock_timestamp() + p_blocked_ms * interval '1 millisecond')
            else b.blocked_until
        end
    where b.org_id = p_org_id and b.key = p_key
$$;
alter function hub.correct_rate_budget(uuid, bytea, double precision, bigint) owner to hub_definer;
revoke execute on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) from public;
grant execute on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) to hub_app, hub_worker;
comment on function hub.correct_rate_budget(uuid, bytea, double precision, bigint) is
    'Correct a budget by what the provider says of it.';


-- Forget budgets that nobody has spent of for two days: they are full again. 5,000 at most a call.
create function hub.forget_rate_budgets() returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    with old as (
        select org_id, key from hub.rate_budgets
        where tokens_at < now() - interval '2 days' and coalesce(blocked_until < now(), true) limit 5000
        for update skip locked
    )
    delete from hub.rate_budgets b using old where (b.org_id, b.key) = (old.org_id, old.key);
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.forget_rate_budgets() owner to hub_definer;
revoke execute on function hub.forget_rate_budgets() from public;
grant execute on function hub.forget_rate_budgets() to hub_worker;
comment on function hub.forget_rate_budgets() is 'Delete budgets that are full again, a batch at a time.';
