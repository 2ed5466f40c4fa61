-- What verifies v1a signatures, for whoever asks: the public keys of all endpoints, the newest first, or of one. A key
-- that was made in secret becomes public by its first use; it tells nothing of whose it is.
create function hub.webhook_public_keys(p_endpoint_id uuid) returns table (public_key text, expires_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select s.public_key, s.expires_at
    from hub.webhook_endpoint_secrets s
    where s.kind = 'v1a' and (s.expires_at is null or s.expires_at > now())
        and (p_endpoint_id is null or s.endpoint_id = p_endpoint_id)
    order by s.id desc limit 1000
$$;
alter function hub.webhook_public_keys(uuid) owner to hub_definer;
revoke execute on function hub.webhook_public_keys(uuid) from public;
grant execute on function hub.webhook_public_keys(uuid) to hub_app;
comment on function hub.webhook_public_keys(uuid) is 'The public keys that verify v1a signatures, of all endpoints or of one.';
