-- A receiver that fetches its messages says which of them it has dealt with, and how: an attempt is recorded for each
-- and the delivery ends. One that is not open for fetching (any more) is passed over, so saying it twice does it once.
-- Answers how many ended.
create function hub.acknowledge_deliveries(
    p_org_id uuid, p_endpoint_id uuid, p_event_ids uuid[], p_outcomes text[], p_statuses smallint[],
    p_error_details text[], p_duration_ms integer[]
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := clock_timestamp();
    v_count integer;
begin
    if p_org_id is distinct from hub.current_org() then
        raise exception 'deliveries are acknowledged by their own organization' using errcode = 'insufficient_privilege';
    end if;
    with ended as (
        update hub.webhook_deliveries d
        set open = false, state = case g.outcome when 'delivered' then 'delivered' else 'exhausted' end,
            reason = case g.outcome when 'delivered' then null else 'attempts' end,
            attempts = least(d.attempts + 1, 32767), ended_at = v_now, resume_state = null, resume_at = null
        from unnest(p_event_ids, p_outcomes, p_statuses, p_error_details, p_duration_ms)
            as g (event_id, outcome, status, error_detail, duration_ms)
        where d.open and d.state = 'available' and d.org_id = p_org_id and d.endpoint_id = p_endpoint_id
            and d.event_id = g.event_id
        returning d.event_id, d.attempts, g.outcome, g.status, g.error_detail, g.duration_ms
    )
    insert into hub.webhook_event_logs (
        org_id, endpoint_id, event_id, id, attempt, outcome, error_cause, error_detail, started_at, duration_ms, url,
        request_headers, status
    )
    select p_org_id, p_endpoint_id, e.event_id, hub.uuidv7(), e.attempts, e.outcome,
        case when e.outcome = 'failed' then 'receiver' end, e.error_detail,
        v_now - e.duration_ms * interval '1 millisecond', e.duration_ms, 'fetched', '[]', e.status
    from ended e;
    get diagnostics v_count = row_count;
    return v_count;
end
$$;
alter function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) owner to hub_definer;
revoke execute on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) from public;
grant execute on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) to hub_app;
comment on function hub.acknowledge_deliveries(uuid, uuid, uuid[], text[], smallint[], text[], integer[]) is
    'End deliveries that a receiver has fetched and dealt with; answers how many.';
