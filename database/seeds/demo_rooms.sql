-- Sample rows for the rooms that are being built (catalogue, connections, syncs, usage), so that their screens have
-- something to show from the first day. Runs with `hub.org` set. Nothing here holds a credential: the one connection
-- waits to be authorized, and the one sync is a draft with the runs of an earlier trial.

insert into hub.integrations (org_id, slug, version, name, category, auth_types, manifest, manifest_digest, state)
select hub.current_org(), x.slug, '1.0.0', x.name, x.category, array[x.auth_type], m.manifest,
    sha256(convert_to(m.manifest::text, 'UTF8')), 'published'
from (values
    ('ledger', 'Ledger (own bookkeeping API)', 'api', 'api_key', 'key', '[{"name": "x-api-key", "value": "${credential.key}"}]'),
    ('stock', 'Stock (own warehouse API)', 'api', 'bearer', 'token', '[]'),
    ('reports', 'Reports (own figures, read only)', 'database', 'bearer', 'token', '[]')
) as x (slug, name, category, auth_type, field, place)
cross join lateral (
    select jsonb_build_object(
        'slug', x.slug, 'name', x.name, 'version', '1.0.0', 'category', x.category,
        'summary', 'Acme''s own ' || x.slug || ' system, offered inside the company.',
        'description', 'What Acme runs itself, behind one API: described once, so that syncs and webhooks may use it.',
        'links', jsonb_build_object('documentation', 'https://' || x.slug || '.acme.example/docs'),
        'hosts', jsonb_build_array(x.slug || '.acme.example'),
        'auth', jsonb_build_object('main', jsonb_build_object(
            'type', x.auth_type, 'label', 'A key of the service', 'place', x.place::jsonb,
            'fields', jsonb_build_object(
                'type', 'object', 'additionalProperties', false, 'required', jsonb_build_array(x.field),
                'properties', jsonb_build_object(
                    x.field, jsonb_build_object('type', 'string', 'title', 'Key', 'writeOnly', true)
                )
            )
        )),
        'api', jsonb_build_object('base_url', 'https://' || x.slug || '.acme.example/v1'),
        'verification', jsonb_build_object('path', '/me', 'account_key', 'id', 'account_label', 'name')
    ) as manifest
) as m;

insert into hub.integration_marketplace
    (org_id, integration_id, slug, name, summary, description, category, auth_types, version, links, visibility, published_at)
select i.org_id, i.id, i.slug, i.name, i.manifest ->> 'summary', i.manifest ->> 'description', i.category, i.auth_types,
    i.version, i.manifest -> 'links', 'private', now()
from hub.integrations i where i.org_id = hub.current_org();

insert into hub.integration_instances (org_id, integration_org_id, integration_id, listing_id, name, environment, status, installed_by)
select m.org_id, m.org_id, m.integration_id, m.id, m.name, 'production',
    case m.slug when 'reports' then 'disabled' else 'enabled' end, 'Demo Owner'
from hub.integration_marketplace m where m.org_id = hub.current_org();

insert into hub.integration_reviews (org_id, listing_org_id, listing_id, version, rating, title, body)
select m.org_id, m.org_id, m.id, '1.0.0', 4, 'Does what it says', 'Set up in a morning. We miss filters on the second screen.'
from hub.integration_marketplace m where m.org_id = hub.current_org() and m.slug = 'ledger';

insert into hub.api_connections (org_id, instance_id, name, auth_type, status, status_reason)
select i.org_id, i.id, i.name, 'bearer', 'pending', 'Nobody has authorized it yet.'
from hub.integration_instances i where i.org_id = hub.current_org() and i.name like 'Stock%';

insert into hub.data_sync_configurations
    (org_id, name, source_connection_id, source_stream, destination_stream, direction, mapping, match_keys, schedule)
select c.org_id, 'Stock levels', c.id, 'items', 'stock_levels', 'import',
    '{"fields": {"sku": "sku", "quantity": "on_hand"}}', array['sku'], '{"kind": "cron", "expression": "0 * * * *", "zone": "Africa/Nairobi"}'
from hub.api_connections c where c.org_id = hub.current_org();

insert into hub.sync_execution_logs (
    org_id, sync_id, cause, state, stage, read_count, created_count, updated_count, skipped_count, failed_count,
    conflict_count, api_calls, mapping_version, started_at, ended_at, created_at
)
select s.org_id, s.id, 'request', case when n % 7 = 0 then 'partial' else 'succeeded' end, 'write',
    1000 + n * 13, n * 2, 40 + n % 9, 950, case when n % 7 = 0 then 3 else 0 end, case when n = 12 then 1 else 0 end, 10 + n, 1,
    at, at + interval '40 seconds', at
from hub.data_sync_configurations s
cross join lateral (select n, now() - n * interval '1 day' as at from generate_series(1, 14) as n) as runs
where s.org_id = hub.current_org();

insert into hub.sync_links (org_id, sync_id, source_key, destination_key, agreed)
select s.org_id, s.id, 'sku-' || n, 'lvl-' || n, jsonb_build_object('quantity', 10 * n)
from hub.data_sync_configurations s cross join generate_series(1, 25) as n
where s.org_id = hub.current_org();

insert into hub.sync_conflicts (org_id, sync_id, link_id, run_id, field, agreed_value, source_value, destination_value)
select l.org_id, l.sync_id, l.id, r.id, 'quantity', '40', '38', '44'
from hub.sync_links l
join hub.sync_execution_logs r on r.org_id = l.org_id and r.sync_id = l.sync_id and r.conflict_count = 1
where l.org_id = hub.current_org() and l.source_key = 'sku-4';

select count(hub.log_integration_usage(
    hub.current_org(), (array['api.calls', 'records.read', 'records.written'])[1 + n % 3], 1 + n % 90, i.integration_id, null,
    case when n % 40 = 0 then 'error' else 'ok' end, 30 + (n * 7919) % 400, '{}', now() - n * interval '47 minutes'))
from generate_series(1, 400) as n
join (
    select row_number() over (order by x.id) - 1 as place, x.integration_id
    from hub.integration_instances x where x.org_id = hub.current_org()
) as i on i.place = n % 3;
