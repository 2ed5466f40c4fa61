-- name: credentials_of
-- Everything that a connection holds, sealed.
select * from hub.connection_credentials where org_id = $1 and connection_id = $2;

-- name: credential_of
-- One slot's credential.
select * from hub.connection_credentials where org_id = $1 and connection_id = $2 and slot = $3;

-- name: put_credential
-- Store what an authorization gave, whatever was there: a renewal that is under way is too late by that.
insert into hub.connection_credentials as k (
    org_id, connection_id, slot, sealed, renewal, obtained_at, expires_at, idle_seconds, grant_expires_at, due_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (org_id, connection_id, slot) do update set
    sealed = excluded.sealed, version = k.version + 1, renewal = excluded.renewal, obtained_at = excluded.obtained_at,
    expires_at = excluded.expires_at, idle_seconds = excluded.idle_seconds, grant_expires_at = excluded.grant_expires_at,
    due_at = excluded.due_at, dead_at = null, failures = 0, retry_at = null, last_error = null, lease_until = null,
    intent_fence = null, sealed_intent = null, sealed_previous = null, previous_until = null;

-- name: delete_credentials
-- Destroy what a connection holds.
delete from hub.connection_credentials where org_id = $1 and connection_id = $2;

-- name: delete_other_credentials
-- Destroy what a connection holds in other slots than these.
delete from hub.connection_credentials where org_id = $1 and connection_id = $2 and slot <> all ($3::text[]);

-- name: lease_credential
-- Be the one who renews the version that was seen. Nothing when somebody else is, or has, or may not yet.
update hub.connection_credentials
set fence = fence + 1, lease_until = clock_timestamp() + $5::interval
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4 and dead_at is null
    and (lease_until is null or lease_until < clock_timestamp())
    and (retry_at is null or retry_at <= clock_timestamp())
returning *;

-- name: intend
-- Write down that this credential is about to be spent, if the lease is still one's own.
update hub.connection_credentials set intent_fence = $4, sealed_intent = $5
where org_id = $1 and connection_id = $2 and slot = $3 and fence = $4 and lease_until > clock_timestamp()
returning version;

-- name: store_renewed
-- Store what came of it, if the version that was spent is still there and nobody else has set out since.
update hub.connection_credentials set
    sealed = $6, version = version + 1, obtained_at = $7, expires_at = $8, due_at = $9,
    sealed_previous = sealed, previous_until = now() + $10::interval,
    failures = 0, retry_at = null, last_error = null, lease_until = null, intent_fence = null, sealed_intent = null
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4 and intent_fence = $5
returning version;

-- name: release_credential
-- Give the lease back: with the time of the next try where there was a failure, the intent gone where its end is known.
update hub.connection_credentials set
    lease_until = null,
    failures = failures + case when $6::text is null then 0 else 1 end,
    last_error = $6,
    retry_at = clock_timestamp() + $7::interval,
    due_at = case when renewal = 'refresh' and $7::interval is not null then clock_timestamp() + $7::interval else due_at end,
    intent_fence = case when $8::boolean then null else intent_fence end,
    sealed_intent = case when $8::boolean then null else sealed_intent end
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4 and fence = $5;

-- name: defer_credential
-- Give the lease back without having tried, and come back at a time.
update hub.connection_credentials set lease_until = null, due_at = $6
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4 and fence = $5;

-- name: bury_credential
-- The provider does not take it any more.
update hub.connection_credentials set
    dead_at = clock_timestamp(), due_at = null, lease_until = null, intent_fence = null, sealed_intent = null,
    failures = failures + 1, last_error = $6
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4 and fence = $5 and dead_at is null
returning slot;

-- name: postpone_credential
-- Nobody uses it: it is renewed later.
update hub.connection_credentials set due_at = $5
where org_id = $1 and connection_id = $2 and slot = $3 and version = $4;

-- name: claim_renewals
-- Credentials of all organizations that are due, each given to this worker.
select * from hub.claim_credential_renewals($1::interval);
