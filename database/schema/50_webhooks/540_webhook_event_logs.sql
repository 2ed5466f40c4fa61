-- One attempt: a POST of a delivery and what came back. Insert-only. Partitioned with the event it belongs to, so that
-- a week is dropped whole.
create table hub.webhook_event_logs (
    org_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    id uuid not null,
    attempt smallint not null check (attempt > 0),
    outcome text not null check (outcome in ('delivered', 'refused', 'failed')),
    error_cause text check (length(error_cause) <= 40),
    error_detail text check (length(error_detail) <= 500),
    reclaimed boolean not null default false,
    fenced boolean not null default false,
    manual boolean not null default false,
    batch_id text check (length(batch_id) <= 40),
    started_at timestamptz not null,
    duration_ms integer not null check (duration_ms >= 0),
    url text not null,
    request_headers json not null,
    status smallint,
    response_headers json,
    response_body bytea check (octet_length(response_body) <= 65536),
    response_truncated boolean not null default false,
    next_due_at timestamptz,
    primary key (org_id, event_id, endpoint_id, id)
) partition by range (event_id);
create table hub.webhook_event_logs_rest partition of hub.webhook_event_logs default;

create index webhook_event_logs_endpoint_idx on hub.webhook_event_logs (org_id, endpoint_id, id);

-- All attempts of an organization, newest first. The one index of these that every attempt pays for: the primary key is
-- by event, and a thousand endpoints cannot be merged by the index above. Ids rise with time, so a new entry goes to the
-- end of what is in memory.
create index webhook_event_logs_time_idx on hub.webhook_event_logs (org_id, id);

-- What went wrong: over all endpoints, at one, by status, and by cause. Most attempts deliver and pay for none of these.
create index webhook_event_logs_failed_idx on hub.webhook_event_logs (org_id, id) where outcome <> 'delivered';
create index webhook_event_logs_endpoint_failed_idx on hub.webhook_event_logs (org_id, endpoint_id, id)
    where outcome <> 'delivered';
create index webhook_event_logs_status_idx on hub.webhook_event_logs (org_id, status, id)
    where outcome <> 'delivered' and status is not null;
create index webhook_event_logs_cause_idx on hub.webhook_event_logs (org_id, error_cause, id)
    where error_cause is not null;

alter table hub.webhook_event_logs enable row level security;
alter table hub.webhook_event_logs force row level security;
alter table hub.webhook_event_logs_rest enable row level security;
alter table hub.webhook_event_logs_rest force row level security;

create policy tenant on hub.webhook_event_logs to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_event_logs to hub_definer using (true) with check (true);

grant select on hub.webhook_event_logs to hub_app, hub_worker, hub_tenant, hub_readonly;
grant select, insert, delete, update (response_body) on hub.webhook_event_logs to hub_definer;
grant update (response_body) on hub.webhook_event_logs to hub_app;
comment on table hub.webhook_event_logs is 'Attempts: each POST of a delivery and what came back.';
comment on column hub.webhook_event_logs.outcome is
    'delivered: 2xx; refused: another status; failed: no answer (see error_cause).';
comment on column hub.webhook_event_logs.reclaimed is
    'The worker that had this delivery before was lost: the receiver may have seen the message already.';
comment on column hub.webhook_event_logs.fenced is
    'The worker came back too late: the delivery was another''s by then and this attempt changed nothing.';
