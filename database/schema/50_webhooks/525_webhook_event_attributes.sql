-- Values by which events can be searched: those out of the message that the event's type declares as indexed attributes
-- (their names begin with `data.`), and the event's channels (`channel`). Written with the event. A table of its own, and
-- text alone: row-level security lets no index on jsonb or on an array work.
create table hub.webhook_event_attributes (
    org_id uuid not null,
    event_id uuid not null,
    name text not null check (length(name) <= 600),
    value text not null check (length(value) <= 256),
    primary key (org_id, name, value, event_id)
) partition by range (event_id);
create table hub.webhook_event_attributes_rest partition of hub.webhook_event_attributes default;

alter table hub.webhook_event_attributes enable row level security;
alter table hub.webhook_event_attributes force row level security;
alter table hub.webhook_event_attributes_rest enable row level security;
alter table hub.webhook_event_attributes_rest force row level security;

create policy tenant on hub.webhook_event_attributes to hub_app, hub_worker, hub_tenant, hub_readonly
    using (org_id = (select hub.current_org())) with check (org_id = (select hub.current_org()));
create policy definer on hub.webhook_event_attributes to hub_definer using (true) with check (true);

grant select, delete on hub.webhook_event_attributes to hub_app;
grant select on hub.webhook_event_attributes to hub_worker, hub_tenant, hub_readonly;
grant select, insert, delete on hub.webhook_event_attributes to hub_definer;
comment on table hub.webhook_event_attributes is 'Values, and channels, by which events can be searched.';
comment on column hub.webhook_event_attributes.value is 'Text, a number or a boolean as text; the first 256 characters.';


-- The values at some paths of a message. What is not there, or is no text, number or boolean, is left out; and a message
-- that PostgreSQL's jsonb cannot hold (a NUL in a text, a number beyond all bounds) has none: it is published all the same.
create function hub.attributes_of(p_body bytea, p_paths text[]) returns table (name text, value text)
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_message jsonb;
begin
    begin
        v_message := convert_from(p_body, 'UTF8')::jsonb;
    exception when others then
        return;
    end;
    return query
    select p.path, left(v_message #>> string_to_array(p.path, '.'), 256)
    from unnest(p_paths) as p (path)
    where jsonb_typeof(v_message #> string_to_array(p.path, '.')) in ('string', 'number', 'boolean');
end
$$;
revoke execute on function hub.attributes_of(bytea, text[]) from public;
grant execute on function hub.attributes_of(bytea, text[]) to hub_definer;
comment on function hub.attributes_of(bytea, text[]) is 'The values at some paths of a message, as text.';
