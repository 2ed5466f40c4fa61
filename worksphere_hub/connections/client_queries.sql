-- name: client_of_instance
-- The client that an instance authorizes accounts with, sealed: its own, else the integration's.
select * from hub.client_of_instance($1::uuid, $2::uuid, $3::text);

-- name: insert_client
-- Register a client of an instance or of an integration.
insert into hub.oauth_clients (org_id, id, instance_id, integration_slug, auth_method, client_id, sealed, secret_expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict do nothing
returning *;

-- name: update_client
-- Replace a client's id and secret.
update hub.oauth_clients set client_id = $3, sealed = $4, secret_expires_at = $5, updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *;

-- name: client_by_id
-- One client.
select * from hub.oauth_clients where org_id = $1 and id = $2;

-- name: list_clients
-- A page of clients, newest first, before the cursor.
select * from hub.oauth_clients where org_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: delete_client
-- Delete a client.
delete from hub.oauth_clients where org_id = $1 and id = $2;
