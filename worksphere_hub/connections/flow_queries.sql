-- name: insert_link
-- A link by which an account's owner begins.
insert into hub.oauth_links (org_id, id, connection_id, digest, return_url, begun_by, expires_at)
values ($1, $2, $3, $4, $5, $6, now() + $7::interval)
returning expires_at;

-- name: open_link
-- What stands behind a link, by its digest.
select * from hub.open_oauth_link($1::bytea);

-- name: delete_links
-- Links of a connection are good until one of them has led to an authorization.
delete from hub.oauth_links where org_id = $1 and connection_id = $2;

-- name: insert_flow
-- Somebody sets out for the provider's page.
insert into hub.oauth_flows (
    org_id, id, connection_id, link_id, state_digest, browser_digest, sealed_verifier, redirect_uri, return_url, issuer,
    requested_scopes, begun_by, expires_at, connect_session_id
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + $13::interval, $14);

-- name: forget_flows
-- Flows of a connection that nobody has come back from in time.
delete from hub.oauth_flows where org_id = $1 and connection_id = $2 and expires_at < now();

-- name: take_flow
-- The flow of a state and a browser, once.
select * from hub.take_oauth_flow($1::bytea, $2::bytea);

-- name: return_url_allowed
-- Whether a browser may be sent back there.
select exists (select from hub.oauth_return_urls where org_id = $1 and url = $2);

-- name: list_return_urls
-- Where browsers may be sent back to.
select url from hub.oauth_return_urls where org_id = $1 order by url;

-- name: clear_return_urls
-- Forget where browsers may be sent back to.
delete from hub.oauth_return_urls where org_id = $1;

-- name: insert_return_urls
-- Where browsers may be sent back to.
insert into hub.oauth_return_urls (org_id, url) select $1, unnest($2::text[]) on conflict do nothing;

-- name: replace_device_flow
-- Drop the device flow of a connection that was begun before.
delete from hub.device_flows where org_id = $1 and connection_id = $2;

-- name: insert_device_flow
-- Somebody is given a code to type in on another device.
insert into hub.device_flows
    (org_id, connection_id, sealed_code, requested_scopes, interval_seconds, due_at, expires_at)
values ($1, $2, $3, $4, $5::integer, now() + $5::integer * interval '1 second', now() + $6::interval);

-- name: claim_device_flows
-- Device flows of all organizations that are due to be asked about.
select * from hub.claim_device_flows();

-- name: pace_device_flow
-- Ask again when the provider wants to be asked again.
update hub.device_flows set interval_seconds = $3::integer, due_at = now() + $3::integer * interval '1 second'
where org_id = $1 and connection_id = $2;

-- name: delete_device_flow
-- A device flow is over.
delete from hub.device_flows where org_id = $1 and connection_id = $2;
