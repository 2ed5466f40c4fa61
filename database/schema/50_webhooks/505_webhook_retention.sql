-- How long an organization keeps what it published and what became of it. Without a row here it is the deployment's
-- default. Messages go first: what happened is remembered for longer than what was said.
create table hub.webhook_retention (
    org_id uuid primary key references hub.organizations (id) on delete cascade,
    payload_days smallint not null check (payload_days between 1 and 3650),
    attempt_days smallint not null check (attempt_days between 1 and 3650),
    updated_at timestamptz not null default now(),
    check (payload_days <= attempt_days)
);

alter table hub.webhook_retention enable row level security;
alter table hub.webhook_retention force row level security;

create policy tenant on hub.webhook_retention to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_retention to hub_definer using (true);

grant select, insert, delete, update (payload_days, attempt_days, updated_at) on hub.webhook_retention to hub_app;
grant select on hub.webhook_retention to hub_worker, hub_tenant, hub_readonly, hub_definer;
comment on table hub.webhook_retention is 'How long an organization keeps messages and what became of them.';
comment on column hub.webhook_retention.payload_days is 'Days after which messages and the bodies of answers are removed.';
comment on column hub.webhook_retention.attempt_days is 'Days after which events, deliveries and attempts are forgotten.';
