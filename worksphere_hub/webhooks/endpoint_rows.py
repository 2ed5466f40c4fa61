"""Between rows of `webhook_endpoints` and what they mean."""

from worksphere_hub.db.pool import Row
from worksphere_hub.webhooks.models import Configuration, Endpoint


def endpoint_of(row: Row) -> Endpoint:
    """A row of `webhook_endpoints`."""
    return Endpoint(
        org=row["org_id"],
        id=row["id"],
        status=row["status"],
        disabled_reason=row["disabled_reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        configuration=configuration_of(row),
    )


def configuration_of(row: Row) -> Configuration:
    """Those of its columns that are an organization's to set."""
    return Configuration(
        kind=row["kind"],
        url=row["url"],
        destination=row["destination"],
        description=row["description"],
        event_types=tuple(row["event_types"]),
        channels=tuple(row["channels"]) if row["channels"] is not None else None,
        filter=row["filter"],
        transform=row["transform"],
        thin=row["thin"],
        method=row["method"],
        headers=row["headers"],
        compression=row["compression"],
        encryption_key=row["encryption_key"],
        batch_size=row["batch_size"],
        batch_wait_ms=row["batch_wait_ms"],
        retry_policy=row["retry_policy"],
        rate_limit=row["rate_limit"],
        concurrency=row["concurrency"],
        ordering=row["ordering"],
        on_exhausted=row["on_exhausted"],
        signatures=tuple(row["signatures"]),
    )


def columns_of(wanted: Configuration) -> tuple[object, ...]:
    """The same the other way: the values of `insert_endpoint` and `update_endpoint`, in their order."""
    return (
        wanted.kind,
        wanted.url,
        wanted.description,
        list(wanted.event_types),
        list(wanted.channels) if wanted.channels is not None else None,
        wanted.filter,
        wanted.transform,
        wanted.thin,
        wanted.method,
        wanted.headers or {},
        wanted.compression,
        wanted.encryption_key,
        wanted.batch_size,
        wanted.batch_wait_ms,
        wanted.retry_policy,
        wanted.rate_limit,
        wanted.concurrency,
        wanted.ordering,
        wanted.on_exhausted,
        list(wanted.signatures),
        wanted.destination,
    )
