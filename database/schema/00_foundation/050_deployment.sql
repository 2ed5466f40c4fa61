-- One row: which deployment this is, and the check value of the master key that its secrets are sealed under. A
-- process started with another master key refuses to run instead of writing what nobody can read.
create table hub.deployment (
    only_row boolean primary key default true check (only_row),
    id uuid not null default gen_random_uuid(),
    master_key_id text not null,
    master_key_check bytea not null check (octet_length(master_key_check) = 8),
    pepper bytea not null,
    created_at timestamptz not null default now()
);

alter table hub.deployment enable row level security;
alter table hub.deployment force row level security;

-- No tenant owns this row and it holds no secret: the hub's own processes read it, only the installer writes it.
create policy deployment on hub.deployment for select to hub_app, hub_worker using (true);
create policy installer on hub.deployment to hub_definer using (true) with check (true);

grant select on hub.deployment to hub_app, hub_worker;
grant select, insert, update on hub.deployment to hub_definer;
-- Rotating the master key rewraps the pepper.
grant update (master_key_id, master_key_check, pepper) on hub.deployment to hub_worker;
create policy rotation on hub.deployment for update to hub_worker using (true) with check (true);
comment on table hub.deployment is 'Which deployment this is and which master key its secrets are sealed under.';


-- Found the deployment, once: whoever comes second finds it founded and changes nothing. Only the owner may.
create function hub.found_deployment(p_id uuid, p_master_key_id text, p_master_key_check bytea, p_pepper bytea)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into hub.deployment (id, master_key_id, master_key_check, pepper)
    values (p_id, p_master_key_id, p_master_key_check, p_pepper) on conflict (only_row) do nothing;
    return found;
end
$$;
alter function hub.found_deployment(uuid, text, bytea, bytea) owner to hub_definer;
revoke execute on function hub.found_deployment(uuid, text, bytea, bytea) from public;
comment on function hub.found_deployment(uuid, text, bytea, bytea) is 'Write the deployment''s one row, if it is not there yet.';

do $$
begin
    -- Ownership has moved to hub_definer, so the installer needs the right to call it back.
    execute pg_catalog.format(
        'grant execute on function hub.found_deployment(uuid, text, bytea, bytea) to %I', current_user);
end
$$;
