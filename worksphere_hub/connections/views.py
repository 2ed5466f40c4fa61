"""From rows to what people are shown."""

from worksphere_hub import ids
from worksphere_hub.connections.models import INSTANCE, Connection
from worksphere_hub.connections.schemas import (
    CheckOut,
    ClientOut,
    ConnectionOut,
    Expiry,
    HealthChange,
    RequestOut,
)
from worksphere_hub.db.pool import Row


def connection_out(connection: Connection) -> ConnectionOut:
    """A connection without anything secret."""
    shown = {
        name: getattr(connection, name) for name in ConnectionOut.model_fields if name not in {"id", "instance_id"}
    }
    return ConnectionOut.model_validate(
        {**shown, "id": ids.encode("con", connection.id), "instance_id": ids.encode(INSTANCE, connection.instance)}
    )


def check_out(row: Row) -> CheckOut:
    """A row of `connection_checks`."""
    shown = {name: row[name] for name in CheckOut.model_fields}
    return CheckOut.model_validate(
        {**shown, "id": ids.encode("chk", row["id"]), "connection_id": ids.encode("con", row["connection_id"])}
    )


def health_change(row: Row) -> HealthChange:
    """A row of `connection_health`."""
    return HealthChange.model_validate({name: row[name] for name in HealthChange.model_fields})


def request_out(row: Row) -> RequestOut:
    """A row of `connection_requests`."""
    shown = {name: row[name] for name in RequestOut.model_fields}
    return RequestOut.model_validate({**shown, "id": ids.encode("crq", row["id"])})


def expiry(row: Row) -> Expiry:
    """Something that ends by itself."""
    return Expiry(
        kind=row["kind"],
        connection_id=ids.encode("con", row["connection_id"]) if row["connection_id"] else None,
        client_id=ids.encode("ocl", row["client"]) if row["client"] else None,
        name=row["name"],
        expires_at=row["expires_at"],
    )


def client_out(row: Row) -> ClientOut:
    """A row of `oauth_clients` without its secret."""
    return ClientOut(
        id=ids.encode("ocl", row["id"]),
        instance_id=ids.encode(INSTANCE, row["instance_id"]) if row["instance_id"] else None,
        integration=row["integration_slug"],
        auth_method=row["auth_method"],
        client_id=row["client_id"],
        has_secret=row["sealed"] is not None,
        secret_expires_at=row["secret_expires_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
