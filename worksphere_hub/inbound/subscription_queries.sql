-- name: insert_subscription
-- Ask for a subscription; nothing when this is subscribed to already.
insert into hub.inbound_subscriptions (org_id, id, connection_id, source_id, wanted, sealed, created_by)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (org_id, connection_id, wanted) where status <> 'cancelling' do nothing
returning *;

-- name: list_subscriptions
-- A page of a connection's subscriptions, newest first, before the cursor.
select * from hub.inbound_subscriptions
where org_id = $1 and connection_id = $2 and ($3::uuid is null or id < $3) order by id desc limit $4;

-- name: subscription_by_id
-- One subscription.
select * from hub.inbound_subscriptions where org_id = $1 and connection_id = $2 and id = $3;

-- name: cancel_subscription
-- Have a subscription ended. What the provider still sends is refused from now on.
with cancelled as (
    update hub.inbound_subscriptions
    set status = 'cancelling', due_at = clock_timestamp(), updated_at = clock_timestamp()
    where org_id = $1 and connection_id = $2 and id = $3
    returning org_id, source_id
)
update hub.inbound_sources s set status = 'disabled', updated_at = clock_timestamp()
from cancelled c where s.org_id = c.org_id and s.id = c.source_id
returning s.id;

-- name: claim_subscriptions
-- Take due subscriptions in hand.
select * from hub.claim_subscriptions($1::interval);

-- name: keep_subscription
-- Write down a subscription that was made or renewed, unless somebody else has it in hand by now, or it is to be ended.
update hub.inbound_subscriptions
set status = 'active', kept = $4, expires_at = $5, due_at = $6, renewed_at = clock_timestamp(), failures = 0,
    error_code = null, error = null, updated_at = clock_timestamp()
where org_id = $1 and id = $2 and fence = $3 and status <> 'cancelling'
returning id;

-- name: renew_soon
-- Have what an account is subscribed to seen to at the next opportunity. One that is in hand just now is so again.
update hub.inbound_subscriptions set due_at = least(due_at, now()), updated_at = clock_timestamp()
where org_id = $1 and connection_id = $2 and status in ('active', 'failing');

-- name: fail_subscription
-- Note that a subscription could not be made, renewed or ended.
update hub.inbound_subscriptions
set status = case when status = 'cancelling' then status else 'failing' end, failures = failures + 1, error_code = $4,
    error = $5, due_at = $6, updated_at = clock_timestamp()
where org_id = $1 and id = $2 and fence = $3
returning status;

-- name: forget_subscription
-- Delete a subscription that has ended, with its source.
with gone as (
    delete from hub.inbound_subscriptions where org_id = $1 and id = $2 and fence = $3 returning org_id, source_id
)
delete from hub.inbound_sources s using gone g where s.org_id = g.org_id and s.id = g.source_id;
