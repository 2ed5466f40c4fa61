-- name: accept_events
-- Store a batch of events with their deliveries; answers those that were not stored, and why.
select * from hub.accept_events(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::timestamptz[], $8::uuid[],
    $9::text[], $10::text[], $11::uuid[], $12::boolean[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::bytea[],
    $18::timestamptz[]
);

-- name: event_by_id
-- One event by the hub's own id.
select * from hub.webhook_events where org_id = $1 and id = $2;

-- name: event_by_key
-- One event by the publisher's own id: the newest, should the id have come again after it was forgotten.
select * from hub.webhook_events where org_id = $1 and key = $2 order by id desc limit 1;

-- name: expunge_event
-- Remove an event's message for good; nothing if it is gone already.
update hub.webhook_events set body = null, expunged_at = now() where org_id = $1 and id = $2 and body is not null;

-- name: events_about
-- Events with a value at an indexed path that still have their message, oldest first, and how many there are in all.
select e.id, count(*) over () as total
from hub.webhook_event_attributes a
join hub.webhook_events e on e.org_id = a.org_id and e.id = a.event_id
where a.org_id = $1 and a.name = $2 and a.value = $3 and e.body is not null
order by e.id limit $4;

-- name: delete_attributes
-- Remove what of an event's message it can be searched by. Its channels are no part of that.
delete from hub.webhook_event_attributes where org_id = $1 and event_id = $2 and name <> 'channel';

-- name: find_contracts
-- The enforced contracts of several organizations, without their schemas.
select * from hub.find_contracts($1::uuid[]);

-- name: insert_event_type
-- A new event type, unless the name is taken or the organization has as many as it may have: no row then.
insert into hub.event_types (org_id, name, description, enforcement, indexed_attributes)
select $1, $2, $3, $4, $5
where (select count(*) from hub.event_types where org_id = $1) < $6
on conflict do nothing
returning *;

-- name: insert_event_type_version
-- One more version of a contract.
insert into hub.event_type_versions (org_id, name, version, schema, sample, changelog, created_by)
values ($1, $2, $3, $4, $5, $6, $7)
returning *;

-- name: update_event_type
-- New values of an event type's own fields, unless somebody else has changed it since $8; a deprecation keeps the time
-- it was first said.
update hub.event_types
set description = $3,
    enforcement = $4,
    indexed_attributes = $5,
    deprecated_at = case when $6::boolean then coalesce(deprecated_at, now()) end,
    current_version = $7,
    updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
where org_id = $1 and name = $2 and updated_at = $8
returning *;

-- name: delete_event_type
-- Remove an event type with its versions.
delete from hub.event_types where org_id = $1 and name = $2;

-- name: event_type_by_name
-- One event type with its current version.
select t.*, v.schema, v.sample, v.changelog, v.created_by, v.created_at as version_created_at
from hub.event_types t
join hub.event_type_versions v on v.org_id = t.org_id and v.name = t.name and v.version = t.current_version
where t.org_id = $1 and t.name = $2;

-- name: list_event_types
-- A page of event types by name, after the cursor, with their current versions; $3 is found in name or description.
select t.*, v.schema, v.sample, v.changelog, v.created_by, v.created_at as version_created_at
from hub.event_types t
join hub.event_type_versions v on v.org_id = t.org_id and v.name = t.name and v.version = t.current_version
where t.org_id = $1 and ($2::text is null or t.name > $2)
    and ($3::text is null or strpos(lower(t.name), lower($3)) > 0 or strpos(lower(t.description), lower($3)) > 0)
order by t.name limit $4;

-- name: list_event_type_versions
-- A page of the versions of an event type, newest first, before the cursor.
select * from hub.event_type_versions
where org_id = $1 and name = $2 and ($3::integer is null or version < $3)
order by version desc limit $4;

-- name: event_type_version
-- One version of an event type's contract.
select * from hub.event_type_versions where org_id = $1 and name = $2 and version = $3;
