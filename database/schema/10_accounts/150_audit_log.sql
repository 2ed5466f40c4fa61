-- Who did what to what, from where, and what came of it. Append-only: nobody is granted UPDATE or DELETE.
create table hub.audit_log (
    org_id uuid not null references hub.organizations (id),
    id uuid not null default hub.uuidv7(),
    actor_kind text not null check (actor_kind in ('person', 'api_key', 'system', 'cli')),
    actor_id text,
    acting_org_id uuid,
    action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    target_kind text not null,
    target_id text,
    result text not null default 'done' check (result in ('done', 'refused')),
    changes jsonb not null default '{}',
    ip inet,
    user_agent text,
    request_id text,
    created_at timestamptz not null default now(),
    primary key (org_id, id)
);

create index audit_log_action_idx on hub.audit_log (org_id, action, id);

alter table hub.audit_log enable row level security;
alter table hub.audit_log force row level security;

create policy tenant on hub.audit_log to hub_app, hub_worker, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));

grant select, insert on hub.audit_log to hub_app, hub_worker;
grant select on hub.audit_log to hub_readonly;
comment on table hub.audit_log is 'Append-only record of every change and every refused attempt.';
comment on column hub.audit_log.acting_org_id is 'The operator''s organization, when its key acted for this one.';
comment on column hub.audit_log.changes is 'Non-secret fields before and after: {"field": [before, after]}.';
