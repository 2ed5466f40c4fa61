-- name: open_inbound_door
-- The source at an address, by the digest of its token.
select * from hub.open_inbound_door($1::bytea);

-- name: store_inbound_message
-- Store a message, or count it as a repetition; answers its id or the first one's.
select * from hub.store_inbound_message(
    $1::uuid, $2::uuid, $3::uuid, $4::text, $5::timestamptz, $6::text, $7::text, $8::json, $9::bytea, $10::text
);

-- name: count_inbound_refusals
-- Add up refused requests by source, day and reason.
select hub.count_inbound_refusals($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[]);

-- name: claim_inbound_messages
-- Take due messages in hand.
select * from hub.claim_inbound_messages($1::interval);

-- name: finish_inbound_messages
-- Move messages on; answers those that belonged to another worker by then.
select * from hub.finish_inbound_messages(
    $1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::bigint[], $6::text[], $7::text[]
);

-- name: pass_on_inbound
-- Pass a message on to the organizations whose accounts it is about; answers to how many, null when it is no longer ours.
select hub.pass_on_inbound($1::uuid, $2::uuid, $3::integer, $4::text[], $5::timestamptz);

-- name: integration_offered
-- The version of an organization's own integration that its listing offers, with its manifest.
select i.id, i.manifest, i.manifest_digest
from hub.integration_marketplace l
join hub.integrations i on i.org_id = l.org_id and i.id = l.integration_id
where l.org_id = $1 and l.slug = $2;

-- name: connection_of_account
-- The oldest connection of an instance to an account.
select id from hub.api_connections
where org_id = $1 and instance_id = $2 and account_key = $3 and status <> 'disconnected'
order by id limit 1;

-- name: forget_inbound
-- Delete expired event ids and secrets and old counts of refusals, a batch at a time.
select hub.forget_inbound();

-- name: insert_source
-- Create a source; nothing when the organization has as many as it may have.
insert into hub.inbound_sources (
    org_id, id, token_digest, name, scheme, config, route, endpoint_id, event_type, event_type_from, status, size_limit,
    tolerance, rate_limit, instance_id, connection_id, integration_slug
)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $16, $17, $18
where (select count(*) from hub.inbound_sources where org_id = $1) < $15
returning *;

-- name: update_source
-- Change what a source is.
update hub.inbound_sources
set name = $3, scheme = $4, config = $5, route = $6, endpoint_id = $7, event_type = $8, event_type_from = $9,
    status = $10, size_limit = $11, tolerance = $12, rate_limit = $13, updated_at = clock_timestamp()
where org_id = $1 and id = $2
returning *;

-- name: source_by_id
-- One source.
select * from hub.inbound_sources where org_id = $1 and id = $2;

-- name: source_for_change
-- One source, locked until the transaction ends.
select * from hub.inbound_sources where org_id = $1 and id = $2 for update;

-- name: list_sources
-- A page of sources, newest first, before the cursor.
select * from hub.inbound_sources where org_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: delete_source
-- Delete a source with its secrets; its messages stay until they are past their retention.
delete from hub.inbound_sources where org_id = $1 and id = $2;

-- name: set_source_token
-- Move a source to another address.
update hub.inbound_sources set token_digest = $3, updated_at = clock_timestamp() where org_id = $1 and id = $2;

-- name: insert_source_secret
-- Add a secret, sealed.
insert into hub.inbound_source_secrets (org_id, source_id, id, sealed) values ($1, $2, $3, $4);

-- name: expire_source_secrets
-- Let a source's older secrets end, at once or later; those that end sooner anyway are let be.
update hub.inbound_source_secrets set expires_at = now() + $4::interval
where org_id = $1 and source_id = $2 and id <> $3 and (expires_at is null or expires_at > now() + $4::interval);

-- name: endpoint_exists
-- Whether the organization has this endpoint.
select exists (select from hub.webhook_endpoints where org_id = $1 and id = $2);

-- name: list_messages
-- A page of a source's messages, newest first, before the cursor; by state where given. Without their bodies.
select m.org_id, m.id, m.source_id, m.provider_event_id, m.method, m.query, m.headers, octet_length(m.body) as size,
    m.received_at, m.verdict, m.state, m.attempts, m.replays, m.due_at, m.leased, m.event_id, m.event_ids, m.passed_on,
    m.error,
    coalesce(s.repeats, 0) as repeats
from hub.inbound_messages m
left join hub.inbound_seen s on s.org_id = m.org_id and s.source_id = m.source_id
    and s.provider_event_id = m.provider_event_id and s.message_id = m.id
where m.org_id = $1 and m.source_id = $2 and ($3::uuid is null or m.id < $3) and ($4::text is null or m.state = $4)
order by m.id desc limit $5;

-- name: message_by_id
-- One message of a source with its body.
select m.*, octet_length(m.body) as size, coalesce(s.repeats, 0) as repeats
from hub.inbound_messages m
left join hub.inbound_seen s on s.org_id = m.org_id and s.source_id = m.source_id
    and s.provider_event_id = m.provider_event_id and s.message_id = m.id
where m.org_id = $1 and m.source_id = $2 and m.id = $3;

-- name: message_for_change
-- How far a message is, locked until the transaction ends.
select m.id, m.verdict, m.state, m.passed_on from hub.inbound_messages m
where m.org_id = $1 and m.source_id = $2 and m.id = $3 for update;

-- name: replay_message
-- Have a message processed again, from the start. A worker that still holds it is fenced off.
update hub.inbound_messages
set state = 'received', attempts = 0, replays = replays + 1, due_at = clock_timestamp(), leased = false,
    fence = fence + 1, error = null
where org_id = $1 and id = $2;

-- name: ignore_message
-- Set a message aside: it is not processed any more.
update hub.inbound_messages set state = 'ignored', leased = false, fence = fence + 1
where org_id = $1 and id = $2;

-- name: list_refusals
-- What a source has refused in the last 90 days, by day and reason, the latest first.
select * from hub.inbound_refusals where org_id = $1 and source_id = $2
order by day desc, last_at desc, reason limit 200;
