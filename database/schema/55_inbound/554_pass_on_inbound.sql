-- A provider has one address for all who connect through an app. What comes there belongs to the organizations whose
-- accounts it is about: each gets a copy, through a source of its own that is made when the first one comes, and the one
-- at the address keeps none.
--
-- Passed on is only to connections that were authorized through the app of the integration's owner: which account those
-- are for the provider has said to that app, and no setting of an instance had a say in it.
--
-- Answers to how many organizations; null when the message is another worker's by now, or not there.
create function hub.pass_on_inbound(
    p_org_id uuid, p_message_id uuid, p_fence integer, p_accounts text[], p_seen_until timestamptz
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_message hub.inbound_messages;
    v_source hub.inbound_sources;
    v_target record;
    v_fed hub.inbound_sources;
    v_count integer := 0;
begin
    select * into v_message from hub.inbound_messages m
    where m.org_id = p_org_id and m.id = p_message_id and m.leased and m.fence = p_fence for update;
    if not found then
        return null;
    end if;
    select * into v_source from hub.inbound_sources s
    where s.org_id = p_org_id and s.id = v_message.source_id and s.route = 'accounts';
    if not found then
        return null;
    end if;
    for v_target in
        select distinct c.org_id, n.id as instance_id, n.name
        from hub.integrations i
        join hub.integration_instances n on n.integration_org_id = i.org_id and n.integration_id = i.id
        join hub.api_connections c on c.org_id = n.org_id and c.instance_id = n.id
        join hub.organizations o on o.id = c.org_id and o.suspended_at is null
        join hub.oauth_clients shared on shared.org_id = i.org_id and shared.integration_slug = i.slug
            and shared.auth_method = c.auth_method
        where i.org_id = p_org_id and i.slug = v_source.integration_slug and c.account_key = any(p_accounts)
            and c.status <> 'disconnected' and c.enabled and n.status = 'enabled'
            and not exists (
                select from hub.oauth_clients own
                where own.org_id = c.org_id and own.instance_id = n.id and own.auth_method = c.auth_method
            )
        order by c.org_id, n.id
    loop
        insert into hub.inbound_sources (
            org_id, name, scheme, config, token_digest, route, instance_id, fed, size_limit
        ) values (
            v_target.org_id, left(v_target.name, 180) || ' (passed on)', v_source.scheme, v_source.config,
            sha256(gen_random_uuid()::text::bytea), 'connector', v_target.instance_id, true, v_source.size_limit
        ) on conflict (org_id, instance_id) where fed do nothing;
        select * into v_fed from hub.inbound_sources s
        where s.org_id = v_target.org_id and s.instance_id = v_target.instance_id and s.fed;
        if v_fed.status = 'enabled' then
            perform hub.store_inbound_message(
                v_target.org_id, v_fed.id, hub.uuidv7(), coalesce(v_message.provider_event_id, v_message.id::text),
                p_seen_until, v_message.method, v_message.query, v_message.headers, v_message.body, 'verified'
            );
        end if;
        v_count := v_count + 1;
    end loop;
    if v_count > 0 then
        update hub.inbound_messages m
        set state = 'processed', leased = false, passed_on = v_count, body = '', query = '', headers = '[]', error = null
        where m.org_id = p_org_id and m.id = p_message_id;
    end if;
    return v_count;
end
$$;
alter function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) owner to hub_definer;
revoke execute on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) from public;
grant execute on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) to hub_worker;
comment on function hub.pass_on_inbound(uuid, uuid, integer, text[], timestamptz) is
    'Pass a message on to the organizations whose connected accounts it is about, and keep no copy of its body.';
