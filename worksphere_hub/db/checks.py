"""Is this database fit for the hub? Asked at every start, and by `doctor`, which also says what to do."""

from dataclasses import dataclass

from worksphere_hub.db.connect import connected
from worksphere_hub.errors import HubError

# Older minors leak other tenants' rows through statistics: CVE-2025-8713 and its companions.
_SAFE_MINOR = {15: 14, 16: 10, 17: 6}

_FACTS = """
select current_setting('server_version_num')::int as version,
    current_setting('fsync')::bool as fsync,
    current_setting('full_page_writes')::bool as full_page_writes,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('server_encoding') as encoding,
    r.rolsuper, r.rolbypassrls, r.rolname,
    exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'hub' and c.relowner = r.oid
    ) as owns_tables,
    coalesce((
        select pg_has_role(r.oid, w.oid, 'usage') from pg_roles w where w.rolname = $1
    ), false) as has_role
from pg_roles r where r.rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: a name, whether it is as it must be, and a sentence saying what to do if not."""

    name: str
    fine: bool
    sentence: str


class DatabaseUnfit(HubError):
    """The database is not set up so that the hub could keep its promises."""

    code = "database_unfit"


async def examine(url: str, role: str) -> list[Finding]:
    """Look at the server and at the login of `url`, which should act as `role` (hub_app or hub_worker)."""
    async with connected(url) as connection:
        facts = await connection.fetchrow(_FACTS, role)
    assert facts is not None
    return judge(dict(facts), role)


def judge(facts: dict[str, object], role: str) -> list[Finding]:
    """The verdict on what `examine` saw."""
    version = int(str(facts["version"]))
    major, minor = version // 10_000, version % 10_000
    login = facts["rolname"]
    return [
        Finding("version", major >= 15, f"PostgreSQL {major} is too old: use 15 or newer."),
        Finding(
            "minor version",
            minor >= _SAFE_MINOR.get(major, 0),
            f"PostgreSQL {major}.{minor} has known holes in row-level security: upgrade to {major}."
            f"{_SAFE_MINOR.get(major, 0)} or newer.",
        ),
        Finding(
            "encoding",
            facts["encoding"] == "UTF8",
            "The database must be encoded in UTF8: create it anew so.",
        ),
        Finding("fsync", facts["fsync"] is True, "fsync is off: a crash loses accepted events. Set fsync = on."),
        Finding(
            "full_page_writes",
            facts["full_page_writes"] is True,
            "full_page_writes is off: a crash can destroy the database. Set full_page_writes = on.",
        ),
        Finding(
            "synchronous_commit",
            facts["synchronous_commit"] != "off",
            f"synchronous_commit is off for {login}: a crash loses accepted events. "
            f"Run: alter role {login} set synchronous_commit = on;",
        ),
        Finding(
            "login",
            not facts["rolsuper"] and not facts["rolbypassrls"],
            f"{login} is a superuser or bypasses row-level security, so tenants would not be kept apart. "
            "Give the hub a plain login; docs/guides/operate.md has the three lines of SQL.",
        ),
        Finding(
            "ownership",
            not facts["owns_tables"],
            f"{login} owns tables of the hub. Let the schema's owner migrate and the hub run as another login.",
        ),
        Finding("membership", facts["has_role"] is True, f"Run as the owner: grant {role} to {login};"),
    ]


async def require_fit(url: str, role: str) -> None:
    """Refuse to start on a database where a promise would be broken."""
    faults = [finding.sentence for finding in await examine(url, role) if not finding.fine]
    if faults:
        raise DatabaseUnfit(" ".join(faults))
