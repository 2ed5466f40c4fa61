"""Sample data: an organization that makes every screen worth looking at, and a way into it."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from worksphere_hub.accounts import bootstrap, organizations
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.errors import OrganizationNotFound
from worksphere_hub.accounts.key_store import PostgresKeyStore
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.app import demo_providers
from worksphere_hub.app.deployment import Deployment, load, master_keys
from worksphere_hub.app.settings import Settings
from worksphere_hub.catalog import builtin
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.db.logins import ensure_organization_login, organization_login_name
from worksphere_hub.db.migrate import database_folder
from worksphere_hub.db.owner import run_script_as_owner
from worksphere_hub.db.pool import Database
from worksphere_hub.db.urls import with_login
from worksphere_hub.http.limits import RateLimiter
from worksphere_hub.security.passwords import PasswordHasher
from worksphere_hub.security.vault import Vault
from worksphere_hub.webhooks import endpoint_secrets, endpoints
from worksphere_hub.webhooks.models import Configuration

OPERATOR_SLUG = "worksphere"
SLUG = "acme"
EMAIL = "demo@acme.example"

# Receivers that exist in the sample data only: what they listen to, nobody following the README publishes.
_ENDPOINTS = (
    ("https://billing.acme.example/hooks", "Billing: books what is paid", ["order.paid", "subscription.*"]),
    ("https://warehouse.acme.example/hub", "Warehouse: picks and ships", ["order.*"]),
    ("https://crm.acme.example/webhooks", "CRM: down since last week", ["customer.*"]),
    ("https://analytics.acme.example/in", "Analytics: paused during the migration", ["customer.*", "order.created"]),
)


@dataclass(frozen=True, slots=True)
class Access:
    """The way into a demo."""

    api_key: str
    operator_key: str
    password: str
    database_url: str


async def load_demo(settings: Settings) -> Access:
    """Load the sample data unless it is there; answers the way in, which stays the same."""
    assert settings.database_url is not None
    assert settings.owner_url is not None
    file = settings.home / "demo-access.json"
    database = await Database.open(settings.database_url.reveal(), application="worksphere-hub demo", size=4)
    try:
        deployment = await load(database, master_keys(settings))
        vault = Vault(master_keys(settings), PostgresKeyStore(database), deployment=deployment.id.hex)
        try:
            org = (await organizations.find_by_slug(database, SLUG)).id
        except OrganizationNotFound:
            org = await _create(settings, database, vault)
        # When the API started, there was no organization yet in whose name they are offered.
        await builtin.load(Catalog(database, settings.catalog))
        if not file.exists():
            await _give_access(settings, database, deployment, org, file)
        stored = json.loads(file.read_text())
        authenticator = Authenticator(database, deployment.pepper, RateLimiter(), settings.accounts)
        operator = await authenticator.authenticate(f"Bearer {stored['operator_key']}")
        await demo_providers.register(database, vault, operator)
        member = await authenticator.authenticate(f"Bearer {stored['api_key']}")
        await demo_providers.install(database, settings, member)
    finally:
        await database.close()
    # The server's port may be another one than last time.
    login = organization_login_name(org)
    database_url = with_login(settings.owner_url.reveal(), login, stored["login_password"])
    return Access(stored["api_key"], stored["operator_key"], stored["password"], database_url)


async def _create(settings: Settings, database: Database, vault: Vault) -> UUID:
    await bootstrap.create_organization(database, slug=OPERATOR_SLUG, name="WorkSphere", operator=True)
    org = (await bootstrap.create_organization(database, slug=SLUG, name="Acme Ltd")).id
    for url, description, event_types in _ENDPOINTS:
        wanted = Configuration(url=url, description=description, event_types=tuple(event_types))
        keys = await endpoint_secrets.mint(vault, org, wanted.signatures)
        async with database.tenant(org) as tx:
            await endpoints.insert(tx, org, wanted, list(keys.sealed), limit=settings.webhooks.endpoint_limit)
    assert settings.owner_url is not None
    script = "\n".join(file.read_text() for file in sorted((database_folder() / "seeds").glob("demo_*.sql")))
    await run_script_as_owner(settings.owner_url.reveal(), script, org=org)
    return org


async def _give_access(settings: Settings, database: Database, deployment: Deployment, org: UUID, file: Path) -> None:
    password, login_password = secrets.token_urlsafe(12), secrets.token_hex(16)
    hasher = PasswordHasher()
    try:
        await bootstrap.create_owner(database, hasher, org, email=EMAIL, name="Demo Owner", password=password)
    finally:
        hasher.close()
    key = await bootstrap.create_key(database, deployment.pepper, org, NewKey("demo"))
    operator = (await organizations.find_by_slug(database, OPERATOR_SLUG)).id
    operator_key = await bootstrap.create_key(database, deployment.pepper, operator, NewKey("demo operator"))
    assert settings.owner_url is not None
    await ensure_organization_login(settings.owner_url.reveal(), org, login_password)
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    content = {
        "api_key": key.secret.reveal(),
        "operator_key": operator_key.secret.reveal(),
        "password": password,
        "login_password": login_password,
    }
    draft.write_text(json.dumps(content))
    draft.replace(file)


def write_demo_file(settings: Settings, access: Access, sandbox_url: str) -> Path:
    """Write where the demo runs and how to get in, for a script to take it from there."""
    base_url = f"http://{settings.host}:{settings.port}"
    file = settings.home / "demo.json"
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    content = {
        "base_url": base_url,
        "dashboard_url": f"{base_url}/",
        "api_key": access.api_key,
        "email": EMAIL,
        "password": access.password,
        "operator_key": access.operator_key,
        "sandbox_url": sandbox_url,
        "database_url": access.database_url,
    }
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(file)
    return file
