-- Publish an event from SQL: stored if and only if the caller's own transaction commits, and delivered after that.
-- Answers the event's id. With `p_id` (the publisher's own id of the event) publishing twice does it once, as long as
-- it is the same event; another event under the same id is refused.
--
-- Who may: an organization for itself (its own login, or a Supabase user with its claims), and members of
-- hub_publisher for any organization.
create function hub.trigger_webhook(
    p_org_id uuid, p_event_type text, p_data jsonb, p_id text default null, p_occurred_at timestamptz default now(),
    p_channels text[] default null, p_ordering_key text default null
) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := hub.uuidv7();
    v_body bytea;
    v_first record;
    v_has_key boolean := p_id is not null;
begin
    if p_org_id is distinct from hub.current_org()
        and not pg_has_role(hub.calling_role(), 'hub_publisher', 'usage')
    then
        raise exception 'you may publish for your own organization only' using
            errcode = 'insufficient_privilege',
            hint = 'Connect as the organization''s own login, or grant hub_publisher to your role.';
    end if;
    if p_event_type is null or length(p_event_type) > 128 or p_event_type !~ '^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$' then
        raise exception 'the event type must be words of letters, digits and _, joined by dots, 128 characters at most'
            using errcode = 'invalid_parameter_value', hint = 'For example: invoice.paid';
    end if;
    if starts_with(p_event_type, 'hub.') then
        raise exception 'event types that begin with hub. are the hub''s own' using
            errcode = 'invalid_parameter_value', hint = 'Give the type another first word.';
    end if;
    if cardinality(p_channels) > 5
        or exists (select from unnest(p_channels) as c (name) where c.name is null or c.name !~ '^[A-Za-z0-9_.:-]{1,64}$')
    then
        raise exception 'channels are at most 5 names of 1 to 64 letters, digits and _ . : -'
            using errcode = 'invalid_parameter_value';
    end if;
    if length(p_ordering_key) not between 1 and 128 then
        raise exception 'the ordering key must have 1 to 128 characters' using errcode = 'invalid_parameter_value';
    end if;
    if p_data is null then
        raise exception 'the data of an event must not be null' using
            errcode = 'null_value_not_allowed', hint = 'Pass ''{}'' for an event without data.';
    end if;
    if p_id !~ '^[A-Za-z0-9_-]{1,64}$' or p_id ~ '^evt_[0-9a-f]{32}$' then
        raise exception 'the event id must be 1 to 64 letters, digits, _ or -, and not of the form the hub gives out'
            using errcode = 'invalid_parameter_value';
    end if;
    if p_occurred_at is null or p_occurred_at > now() + interval '5 minutes' then
        raise exception 'the event lies in the future' using
            errcode = 'invalid_parameter_value', hint = 'occurred_at may be at most 5 minutes ahead of the database''s clock.';
    end if;
    if not exists (select from hub.organizations o where o.id = p_org_id and o.suspended_at is null) then
        raise exception 'there is no such organization, or it is suspended' using errcode = 'no_data_found';
    end if;
    v_body := convert_to(
        '{"type":' || to_json(p_event_type)::text
        || ',"timestamp":"' || to_char(p_occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","data":' || p_data::text || '}', 'UTF8');
    if octet_length(v_body) > 1048576 then
        raise exception 'the event is larger than 1 MiB (% bytes)', octet_length(v_body) using
            errcode = 'program_limit_exceeded', hint = 'Send a reference to the data instead.';
    end if;

    select * into v_first from hub.accept_events(
        array[p_org_id], array[v_id], array[p_id], array[p_event_type], array[v_body], array[p_occurred_at],
        array[clock_timestamp()], array[null::uuid],
        array[(select string_agg(c.name, ',' order by c.name) from (select distinct unnest(p_channels)) as c (name))],
        array[p_ordering_key], '{}', array[true],
        case when v_has_key then array[p_org_id] else '{}'::uuid[] end,
        case when v_has_key then array[v_id] else '{}'::uuid[] end,
        case when v_has_key then array['event_id'] else '{}'::text[] end,
        case when v_has_key then array[p_id] else '{}'::text[] end,
        case when v_has_key then array[sha256(convert_to(p_event_type || chr(10) || p_data::text, 'UTF8'))] else '{}'::bytea[] end,
        case when v_has_key then array[now() + interval '3 days'] else '{}'::timestamptz[] end
    );
    if v_first.id is not null and not v_first.same_request then
        raise exception 'another event was published under the id %', p_id using
            errcode = 'unique_violation', hint = 'Give each event an id of its own.';
    end if;
    return coalesce(p_id, 'evt_' || replace(v_id::text, '-', ''));
end
$$;
alter function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) owner to hub_definer;
revoke execute on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) from public;
grant execute on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text)
    to hub_tenant, hub_publisher, hub_app, hub_worker;
comment on function hub.trigger_webhook(uuid, text, jsonb, text, timestamptz, text[], text) is
    'Publish an event in the caller''s own transaction; answers its id.';
