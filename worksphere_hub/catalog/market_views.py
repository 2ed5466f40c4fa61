"""From rows and manifests to what people are shown: listings and reviews."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.catalog.connectors import connector_folder
from worksphere_hub.catalog.difference import changelog, scopes_of
from worksphere_hub.catalog.market_schemas import (
    Capabilities,
    CapabilityOut,
    Card,
    FieldOut,
    ListingOut,
    MethodOut,
    Permissions,
    Quality,
    Rating,
    ReviewOut,
    RuleOut,
    ScreenshotOut,
    VersionOut,
)
from worksphere_hub.db.pool import Row
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.auth import AuthMethod
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.quality import judge


def card_out(row: Row) -> Card:
    """A listing among others."""
    return Card(**_card(row))


def listing_out(row: Row, manifest: Manifest, versions: Sequence[Row], instances: Sequence[UUID]) -> ListingOut:
    """A listing's page."""
    folder = connector_folder(row["slug"]) if row["visibility"] == "public" else None
    return ListingOut(
        **_card(row),
        integration_id=ids.encode("int", row["integration_id"]),
        digest=row["manifest_digest"].hex(),
        unlisted=row["unlisted"],
        description=row["description"],
        links=row["links"],
        permissions=permissions_of(manifest),
        settings=manifest.settings,
        capabilities=_capabilities(manifest, None if folder is None else registry.load(manifest.slug)),
        changelog=changelog(manifest.changelog),
        screenshots=[ScreenshotOut(url=each.url, alt=each.alt) for each in manifest.screenshots],
        versions=[version_out(each) for each in versions],
        quality=quality_of(manifest, folder),
        active_connections=row["active_connections"],
        instances=[ids.encode("inst", each) for each in instances],
    )


def permissions_of(manifest: Manifest) -> Permissions:
    """What a manifest asks for."""
    methods = [
        MethodOut(
            key=key,
            type=method.type,
            label=method.label,
            description=method.description,
            fields=_fields(method),
        )
        for key, method in manifest.auth.items()
    ]
    return Permissions(hosts=manifest.hosts, scopes=scopes_of(manifest), auth=methods)


def quality_of(manifest: Manifest, folder: Path | None) -> Quality:
    """The tier and the checklist behind it; `folder` is a code connector's."""
    report = judge(manifest, folder)
    rules = [
        RuleOut(
            id=each.rule.id,
            tier=each.rule.tier,
            sentence=each.rule.sentence,
            status=each.status,
            note=each.note,
        )
        for each in report.results
    ]
    return Quality(tier=report.tier, rules=rules)


def version_out(row: Row) -> VersionOut:
    """One version of a listing."""
    return VersionOut(
        version=row["version"],
        state=row["state"],
        digest=row["manifest_digest"].hex(),
        withdrawn_reason=row["withdrawn_reason"],
        created_at=row["created_at"],
    )


def rating_of(row: Row) -> Rating:
    """What a listing's reviews come to."""
    average, score = row["rating"], row["score"]
    return Rating(average=None if average is None else float(average), count=row["review_count"], score=float(score))


def review_out(row: Row, org: UUID, *, moderates: bool = False) -> ReviewOut:
    """A review, as the organization that asks may see it."""
    own = row["org_id"] == org
    return ReviewOut(
        id=ids.encode("rvw", row["id"]),
        rating=row["rating"],
        title=row["title"],
        body=row["body"],
        author=row["author"],
        version=row["version"],
        own=own,
        reply=row["reply"],
        replied_at=row["replied_at"],
        moderation=row["moderation"],
        moderation_reason=row["moderation_reason"] if own or moderates else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _card(row: Row) -> dict[str, Any]:
    return {
        "id": ids.encode("lst", row["id"]),
        "slug": row["slug"],
        "name": row["name"],
        "summary": row["summary"],
        "category": row["category"],
        "auth_types": row["auth_types"],
        "tags": row["keywords"].split(),
        "version": row["version"],
        "tier": row["tier"],
        "visibility": row["visibility"],
        "owned": row["owned"],
        "installed": row["installed"],
        "installs": row["install_count"],
        "rating": rating_of(row),
        "published_at": row["offered_at"],
    }


def _fields(method: AuthMethod) -> list[FieldOut]:
    required = cast("list[str]", method.fields.get("required") or [])
    found: list[FieldOut] = []
    for name, schema in cast("dict[str, Any]", method.fields.get("properties") or {}).items():
        field = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
        title, description = field.get("title"), field.get("description")
        shown = FieldOut(
            name=name,
            title=title if isinstance(title, str) else name,
            description=description if isinstance(description, str) else None,
            secret=field.get("writeOnly") is True,
            required=name in required,
        )
        found.append(shown)
    return found


def _capabilities(manifest: Manifest, connector: Connector | None) -> Capabilities:
    """What the manifest says it can do; with code, what the code says."""
    events = {} if manifest.inbound is None else manifest.inbound.events
    streams = [_capability(name, each) for name, each in manifest.streams.items()]
    actions = [_capability(name, each) for name, each in manifest.actions.items()]
    if connector is not None:
        streams = [_named(name, each.kind.title) for name, each in sorted(connector.streams.items())]
        actions = [_named(name, each.deed.title) for name, each in sorted(connector.actions.items())]
    return Capabilities(
        streams=streams,
        actions=actions,
        events=[CapabilityOut(name=name, title=line, description=None) for name, line in events.items()],
    )


def _named(name: str, title: str) -> CapabilityOut:
    return CapabilityOut(name=name, title=title, description=None)


def _capability(name: str, part: Any) -> CapabilityOut:
    return CapabilityOut(name=name, title=part.title, description=part.description)
