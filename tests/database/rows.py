"""One minimal row for every table that holds tenants' rows: what the matrix tests try to reach and must not."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

_TIME = "'2026-01-05 00:00+00'"
_DIGEST = "sha256('{org}{n}')"

# Column lists and values, in the order in which the rows can be written. `{id}` is the row's own id, `{a_table}` the id
# of the same organization's first row in that table, `{n}` the row's number.
ROWS = {
    "organizations": "(id, slug, name) values ('{org}', 'o-{org}', 'Organization')",
    "people": "(id, email, name, password_hash) values ('{id}', '{id}@example.com', 'Person', '$argon2id$x')",
    "roles": "(org_id, name, permissions) values ('{org}', 'role-{n}', '{{}}')",
    "members": "(org_id, person_id, role) values ('{org}', '{person}', 'role-0')",
    "invitations": "(org_id, id, email, role, digest, expires_at)"
    f" values ('{{org}}', '{{id}}', 'e{{n}}@example.com', 'role-0', {_DIGEST}, {_TIME})",
    "api_keys": "(org_id, id, key_id, name, digest, last4, scopes, expires_at)"
    f" values ('{{org}}', '{{id}}', right('{{id}}', 12), 'Key', {_DIGEST}, 'last', '{{{{a}}}}', {_TIME})",
    "sessions": "(org_id, id, person_id, digest, expires_at)"
    f" values ('{{org}}', '{{id}}', '{{people}}', {_DIGEST}, {_TIME})",
    "audit_log": "(org_id, id, actor_kind, action, target_kind) values ('{org}', '{id}', 'system', 'a.b', 'thing')",
    "organization_keys": "(org_id, purpose, version, wrapped, master_key_id)"
    " values ('{org}', 'cred', {n} + 1, 'wrapped', 'key')",
    "idempotency_keys": "(org_id, scope, key, request_hash, expires_at)"
    f" values ('{{org}}', 'request', 'key-{{n}}', {_DIGEST}, {_TIME})",
    "integrations": "(org_id, id, slug, version, name, category, manifest, manifest_digest, state, visibility)"
    f" values ('{{org}}', '{{id}}', 'slug', '1.0.{{n}}', 'Thing', 'chat', '{{{{}}}}', {_DIGEST}, 'published',"
    " case when {n} = 0 then 'public' else 'private' end)",
    "integration_marketplace": "(org_id, id, integration_id, slug, name, summary, category, visibility, published_at)"
    " values ('{org}', '{id}', '{integrations}', 'slug-{n}-{org}', 'Thing', 'A thing', 'chat',"
    f" case when {{n}} = 0 then 'public' else 'private' end, {_TIME})",
    "integration_instances": "(org_id, id, integration_org_id, integration_id, name)"
    " values ('{org}', '{id}', '{org}', '{integrations}', 'Instance {n}')",
    "integration_reviews": "(org_id, id, listing_org_id, listing_id, version, rating, moderation, moderation_reason)"
    " values ('{org}', '{id}', '{org}', '{listing}',"
    " '1.0.0', 5, case when {n} = 0 then 'visible' else 'hidden' end, 'reason')",
    "integration_marketplace_shares": "(org_id, listing_id, shared_with_org_id) values ('{org}', '{listing}', '{org}')",
    "api_connections": "(org_id, id, instance_id, name, auth_type)"
    " values ('{org}', '{id}', '{integration_instances}', 'Connection', 'none')",
    "connection_credentials": "(org_id, connection_id, slot, sealed)"
    " values ('{org}', '{api_connections}', 'slot_{n}', 'sealed')",
    "oauth_clients": "(org_id, id, integration_slug, auth_method, client_id)"
    " values ('{org}', '{id}', 'slug', 'method_{n}', 'client')",
    "oauth_links": "(org_id, id, connection_id, digest, expires_at)"
    f" values ('{{org}}', '{{id}}', '{{api_connections}}', {_DIGEST}, {_TIME})",
    "connect_sessions": "(org_id, id, digest, instance_id, anew, name, expires_at)"
    f" values ('{{org}}', '{{id}}', {_DIGEST}, '{{integration_instances}}', false, 'Page', {_TIME})",
    "oauth_return_urls": "(org_id, url) values ('{org}', 'https://example.com/{n}')",
    "device_flows": "(org_id, connection_id, sealed_code, interval_seconds, due_at, expires_at)"
    f" values ('{{org}}', '{{connected}}', 'sealed', 5, {_TIME}, {_TIME})",
    "connection_checks": "(org_id, id, connection_id, cause) values ('{org}', '{id}', '{api_connections}', 'request')",
    "connection_health": "(org_id, id, connection_id, health) values ('{org}', '{id}', '{api_connections}', 'healthy')",
    "rate_budgets": f"(org_id, key, tokens, tokens_at) values ('{{org}}', {_DIGEST}, 1, {_TIME})",
    "connection_requests": "(org_id, id, connection_id, method, host, path, outcome, duration_ms)"
    " values ('{org}', '{id}', '{api_connections}', 'GET', 'example.com', '/', 'ok', 1)",
    "oauth_flows": "(org_id, id, connection_id, state_digest, browser_digest, sealed_verifier, redirect_uri,"
    " expires_at) values"
    f" ('{{org}}', '{{id}}', '{{api_connections}}', {_DIGEST}, {_DIGEST}, 'sealed', 'https://x', {_TIME})",
    "webhook_endpoints": "(org_id, id, url) values ('{org}', '{id}', 'https://example.com/')",
    "webhook_endpoint_secrets": "(org_id, endpoint_id, id, sealed)"
    " values ('{org}', '{webhook_endpoints}', '{id}', 'sealed')",
    "webhook_replays": "(org_id, id, endpoint_id, what, event_types, from_id, to_id, cursor_id, created_by)"
    " values ('{org}', '{id}', '{webhook_endpoints}', 'all', '{{*}}', '{id}', '{id}', '{id}', 'person')",
    "webhook_retention": "(org_id, payload_days, attempt_days) values ('{org}', 7, 30)",
    "webhook_endpoint_gates": "(org_id, endpoint_id, failures) values ('{org}', '{gated}', 1)",
    # The trigger on the endpoints has made this row already.
    "webhook_endpoint_revisions": "(org_id, revision) values ('{org}', 7)",
    "event_types": "(org_id, name) values ('{org}', 'type.{n}')",
    "event_type_versions": "(org_id, name, version, schema) values ('{org}', 'type.0', {n} + 1, '{{}}')",
    "webhook_events": "(org_id, id, type, body, occurred_at, accepted_at, fanout_id)"
    f" values ('{{org}}', '{{id}}', 'a.b', '{{{{}}}}', {_TIME}, {_TIME}, '{{id}}')",
    "webhook_event_attributes": "(org_id, event_id, name, value) values ('{org}', '{id}', 'data.a', 'value')",
    "webhook_fanouts": "(org_id, id, event_type, revision, endpoint_ids, endpoint_modes, skipped_ids, skipped_reasons)"
    " values ('{org}', '{id}', 'a.b', {n}, '{{}}', '{{}}', '{{}}', '{{}}')",
    "webhook_deliveries": "(org_id, endpoint_id, event_id) values ('{org}', '{webhook_endpoints}', '{id}')",
    "webhook_deliveries_ended": "(org_id, endpoint_id, event_id, open, state, ended_at)"
    f" values ('{{org}}', '{{webhook_endpoints}}', '{{id}}', false, 'delivered', {_TIME})",
    "webhook_event_logs": "(org_id, endpoint_id, event_id, id, attempt, outcome, started_at, duration_ms, url,"
    " request_headers) values"
    f" ('{{org}}', '{{webhook_endpoints}}', '{{id}}', '{{id}}', 1, 'delivered', {_TIME}, 1, 'https://x', '{{{{}}}}')",
    "inbound_sources": "(org_id, id, name, scheme, token_digest, event_type)"
    f" values ('{{org}}', '{{id}}', 'Source', 'github', {_DIGEST}, 'a.b')",
    "inbound_source_secrets": "(org_id, source_id, id, sealed) values ('{org}', '{inbound_sources}', '{id}', 'sealed')",
    "inbound_messages": "(org_id, id, source_id, method, headers, body)"
    " values ('{org}', '{id}', '{inbound_sources}', 'POST', '[]', 'body')",
    "inbound_seen": "(org_id, source_id, provider_event_id, message_id, expires_at)"
    f" values ('{{org}}', '{{inbound_sources}}', 'event-{{n}}', '{{inbound_messages}}', {_TIME})",
    "inbound_refusals": "(org_id, source_id, day, reason, count, first_at, last_at)"
    f" values ('{{org}}', '{{inbound_sources}}', '2026-01-05', 'reason_' || chr(97 + {{n}}), 1, {_TIME}, {_TIME})",
    "inbound_pulls": "(org_id, source_id) values ('{org}', '{fetched}')",
    "inbound_subscriptions": "(org_id, id, connection_id, source_id, wanted, sealed)"
    " values ('{org}', '{id}', '{api_connections}', '{inbound_sources}', '{{{{a{n}}}}}', 'sealed')",
    "data_sync_configurations": "(org_id, id, name, source_connection_id, source_stream, destination_stream, direction)"
    " values ('{org}', '{id}', 'Sync {n}', '{api_connections}', 'a', 'b', 'import')",
    "sync_execution_logs": "(org_id, id, sync_id, cause, mapping_version)"
    " values ('{org}', '{id}', '{data_sync_configurations}', 'request', 1)",
    "sync_links": "(org_id, id, sync_id, source_key) values ('{org}', '{id}', '{data_sync_configurations}', 'key-{n}')",
    "sync_conflicts": "(org_id, id, sync_id, link_id, run_id, field)"
    " values ('{org}', '{id}', '{data_sync_configurations}', '{sync_links}', '{sync_execution_logs}', 'field-{n}')",
    "integration_usage_analytics": "(org_id, id, metric, occurred_at)"
    f" values ('{{org}}', '{{id}}', 'api.calls', {_TIME})",
}

# Tables of which an organization has one row, so that a second one of its own is refused.
SINGLE = {
    "organizations",
    "device_flows",
    "inbound_pulls",
    "webhook_endpoint_revisions",
    "webhook_endpoint_gates",
    "webhook_retention",
    "members",
}

# How many rows of an organization are written where it is not two.
NUMBERS = dict.fromkeys(SINGLE, 1) | {"integration_marketplace": 3}

# Where a row's organization is not in `org_id`.
_MARKERS = {"organizations": "id", "people": "id"}


@dataclass(frozen=True)
class Sample:
    """One row: of a kind (a key of ROWS), an organization, a number, in the part of time that `floor` begins."""

    kind: str
    org: UUID
    number: int = 0
    floor: str = "0" * 12

    @property
    def id(self) -> str:
        return row_id(self.kind, self.org, self.number, self.floor)

    @property
    def marker(self) -> tuple[str, str]:
        """The column and the value by which a row is known to be the organization's."""
        column = _MARKERS.get(self.kind, "org_id")
        return column, row_id("people", self.org) if self.kind == "people" else str(self.org)

    def insert(self, table: str) -> str:
        """The statement that writes it into a table of the schema: its own, or a partition of it."""
        ids = {kind: row_id(kind, self.org) for kind in ROWS}
        # One review a listing is all an organization may write: each of its reviews is about another listing.
        ids["listing"] = row_id("integration_marketplace", self.org, min(self.number, 2))
        # And once a member, always that member.
        ids["person"] = row_id("people", self.org, min(self.number, 1))
        ids["gated"] = row_id("webhook_endpoints", self.org, min(self.number, 1))
        ids["fetched"] = row_id("inbound_sources", self.org, min(self.number, 1))
        ids["connected"] = row_id("api_connections", self.org, min(self.number, 1))
        values = ROWS[self.kind].format(org=self.org, id=self.id, n=self.number, **ids)
        return f"insert into hub.{table} {values}"


def row_id(kind: str, org: UUID, number: int = 0, floor: str = "0" * 12) -> str:
    """An id that everybody can work out again, and that sorts into the week that the twelve digits begin."""
    tail = hashlib.sha256(f"{kind} {org} {number}".encode()).hexdigest()
    return str(UUID(f"{floor}7{tail[:3]}8{tail[3:18]}"))
