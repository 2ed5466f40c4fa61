"""The way to a provider's consent page and back, and the codes that are typed in on another device."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.connections import connections, scopes, store
from worksphere_hub.connections import flow_rules as rules
from worksphere_hub.connections.authorize import Journey, authorize_url, new_verifier
from worksphere_hub.connections.clients import client_for
from worksphere_hub.connections.errors import (
    ConnectionDisabled,
    FlowRefused,
    InvalidConnection,
    LinkRefused,
    ProviderRefused,
    WrongGrant,
)
from worksphere_hub.connections.models import Connection, Subject
from worksphere_hub.connections.provider import TokenRefused, Unanswered
from worksphere_hub.connections.schemas import AuthorizationOut, AuthorizationRequest
from worksphere_hub.connections.services import Connections
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.connections.token_answer import clean_code, granted, lifetime, parse, refusal
from worksphere_hub.connections.token_request import Asking, Client
from worksphere_hub.connections.vaulted import seal_text, unseal_text
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import FieldProblem
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill
from worksphere_hub.security.tokens import mint_token, token_digest


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser sets out for: to authorize a connection, by a link or from a connect page."""

    org: UUID
    connection: UUID
    begun_by: str | None
    link: UUID | None = None
    page: UUID | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class Departure:
    """A browser that sets out: where to, and the cookie it takes along."""

    url: str
    cookie: str
    value: str
    secure: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a browser brings back."""

    integration: str
    state: str | None
    code: str | None
    error: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Landed:
    """How an authorization ended: the connection, what went wrong if anything did, and where the browser goes on."""

    org: UUID
    connection: UUID
    status: str
    code: str | None
    return_url: str | None
    page: UUID | None


async def ask(
    room: Connections, principal: Principal, connection_id: UUID, wanted: AuthorizationRequest, base: str
) -> AuthorizationOut:
    """Make a link for the account's owner, or get a code to type in. Also for a connection that is to be renewed."""
    rules.require_safe(base)
    org = principal.org
    subject, client = await _opened(room, org, connection_id)
    method = _consenting(subject)
    if wanted.scopes is not None:
        scopes.wanted(method, wanted.scopes)
    async with room.database.tenant(org) as tx:
        connection = await store.find(tx, org, connection_id, lock=True)
        if wanted.scopes is not None:
            await tx.run(QUERIES.set_requested_scopes, org, connection_id, wanted.scopes)
        await require_return(tx, org, wanted.return_url)
        target = ids.encode("con", connection_id)
        await audit.record(tx, principal, "connection.authorization_begun", target_kind="connection", target_id=target)
        if method.grant == "authorization_code":
            return await _link(room, tx, principal, connection, wanted, base)
    chosen = wanted.scopes if wanted.scopes is not None else connection.requested_scopes
    return await _device(room, subject, client, scopes.wanted(method, chosen))


async def start(room: Connections, token: str, base: str) -> Departure:
    """A link is opened in a browser: set out from there. Raises LinkRefused."""
    rules.require_safe(base)
    known = token_digest(rules.LINK_PREFIX, token)
    rows = [] if known is None else await room.database.call(QUERIES.open_link, known)
    if not rows:
        raise LinkRefused
    link = rows[0]
    errand = Errand(
        link["org_id"], link["connection_id"], link["begun_by"], link=link["id"], return_url=link["return_url"]
    )
    return await depart(room, errand, base)


async def depart(room: Connections, errand: Errand, base: str) -> Departure:
    """Set out for the provider's consent page."""
    secure = rules.require_safe(base)
    org = errand.org
    state, browser, verifier = rules.new_token(), rules.new_token(), new_verifier()
    flow = ids.new()
    sealed = await seal_text(room.vault, org, _place(flow), verifier)
    subject, client = await _opened(room, org, errand.connection)
    if not subject.connection.enabled or not subject.definition.enabled:
        raise ConnectionDisabled
    method = _consenting(subject)
    async with room.database.tenant(org) as tx:
        redirect = f"{base}{rules.CALLBACK}{await _key(tx, subject)}"
        wanted = scopes.wanted(method, subject.connection.requested_scopes)
        values = {**subject.values(), "client": {"id": client.id}}
        try:
            issuer = fill(method.issuer, values) if method.issuer and method.sends_issuer else None
            journey = Journey(client.id, redirect, state, verifier)
            url = authorize_url(method, values, journey, scopes.by_slot(method, wanted))
        except TemplateFailed as failed:
            raise InvalidConnection(f"The instance's settings have no value for {failed.name}.") from None
        await tx.run(QUERIES.forget_flows, org, subject.connection.id)
        await tx.run(
            QUERIES.insert_flow, org, flow, subject.connection.id, errand.link, rules.digest(state),
            rules.digest(browser), sealed, redirect, errand.return_url, issuer, wanted, errand.begun_by,
            timedelta(seconds=room.settings.flow_time), errand.page,
        )  # fmt: skip
    name = rules.cookie_name(state, secure=secure)
    return Departure(room.egress.browser_url(url), name, browser, secure, int(room.settings.flow_time))


async def arrive(room: Connections, came: Arrival, browser: str | None, base: str) -> Landed:
    """A browser is back. Its flow is over whatever comes of it. Raises FlowRefused, WrongIssuer."""
    if not rules.is_token(came.state) or not rules.is_token(browser):
        raise FlowRefused
    assert came.state is not None
    assert browser is not None
    rows = await room.database.call(QUERIES.take_flow, rules.digest(came.state), rules.digest(browser))
    if not rows or rows[0]["redirect_uri"] != f"{base}{rules.CALLBACK}{came.integration}":
        raise FlowRefused
    flow = rows[0]
    rules.require_issuer(flow["issuer"], came.issuer)
    subject, client = await _opened(room, flow["org_id"], flow["connection_id"])
    if not subject.connection.enabled or not subject.definition.enabled:
        raise ConnectionDisabled
    if came.error is not None or not came.code:
        # What the owner refuses changes nothing: a connection that worked goes on working.
        return _landed(flow, "refused", clean_code(came.error) or "no_code")
    try:
        return await _redeem(room, flow, subject, client, came.code)
    except (TokenRefused, Unanswered) as failure:
        code = failure.cause if isinstance(failure, Unanswered) else failure.code
        return _landed(flow, "failed", code)


async def _redeem(room: Connections, flow: Row, subject: Subject, client: Client, code: str) -> Landed:
    method = _consenting(subject)
    org = flow["org_id"]
    verifier = await unseal_text(room.vault, org, _place(flow["id"]), flow["sealed_verifier"])
    asking = Asking(method, client, subject.values(), clock.epoch())
    grant = await room.provider.grant(subject, client, asking.redeem(code, verifier, flow["redirect_uri"]))
    held = granted(grant, flow["requested_scopes"])
    new = await connections.sealed(room, subject.connection, connections.from_grant(room, method, grant))
    async with room.database.tenant(org) as tx:
        connection = await store.find(tx, org, subject.connection.id, lock=True)
        await connections.connect(room, tx, connection, new, held)
        await tx.run(QUERIES.delete_links, org, connection.id)
        target = ids.encode("con", connection.id)
        changes = {"granted_scopes": [connection.granted_scopes, held]}
        await audit.record_system(
            tx, org, "connection.authorized", target_kind="connection", target_id=target, changes=changes
        )
        after = await store.find(tx, org, connection.id)
    return _landed(flow, after.status, after.status_code)


async def poll_device(room: Connections, row: Row) -> bool:
    """Ask whether a code has been typed in; answers whether the flow is over."""
    org, connection_id = row["org_id"], row["connection_id"]
    subject, client = await _opened(room, org, connection_id)
    method = _consenting(subject)
    code = await unseal_text(room.vault, org, _device_place(connection_id), row["sealed_code"])
    post = Asking(method, client, subject.values(), clock.epoch()).poll_device(code)
    interval: int = row["interval_seconds"]
    try:
        grant = await room.provider.grant(subject, client, post)
    except (TokenRefused, Unanswered) as failure:
        kind = failure.kind if isinstance(failure, TokenRefused) else "transient"
        over = kind in {"dead", "operator", "ours"} or row["expires_at"] < clock.now()
        async with room.database.tenant(org) as tx:
            if over:
                await tx.run(QUERIES.delete_device_flow, org, connection_id)
            else:
                # RFC 8628 3.5: five seconds slower each time it says so, for good.
                slower = interval + 5 if kind == "slow_down" else interval
                await tx.run(QUERIES.pace_device_flow, org, connection_id, min(slower, 600))
        return over
    held = granted(grant, row["requested_scopes"])
    new = await connections.sealed(room, subject.connection, connections.from_grant(room, method, grant))
    async with room.database.tenant(org) as tx:
        connection = await store.find(tx, org, connection_id, lock=True)
        await connections.connect(room, tx, connection, new, held)
        await tx.run(QUERIES.delete_device_flow, org, connection_id)
    return True


async def begin_device(room: Connections, org: UUID, connection_id: UUID) -> AuthorizationOut:
    """Get a code to type in, for whoever is at a connect page."""
    subject, client = await _opened(room, org, connection_id)
    method = _consenting(subject)
    return await _device(room, subject, client, scopes.wanted(method, subject.connection.requested_scopes))


def _landed(flow: Row, status: str, code: str | None) -> Landed:
    page = flow["connect_session_id"]
    return Landed(flow["org_id"], flow["connection_id"], status, code, flow["return_url"], page)


async def _link(
    room: Connections, tx: Transaction, principal: Principal, connection: Connection, wanted: AuthorizationRequest,
    base: str,
) -> AuthorizationOut:  # fmt: skip
    token = mint_token(rules.LINK_PREFIX)
    seconds = wanted.expires_in or room.settings.link_time
    expires = await tx.value(
        QUERIES.insert_link, connection.org, ids.new(), connection.id, token.digest, wanted.return_url,
        principal.public_id, timedelta(seconds=seconds),
    )  # fmt: skip
    return AuthorizationOut(kind="link", url=f"{base}{rules.START}{token.text.reveal()}", expires_at=expires)


async def _device(room: Connections, subject: Subject, client: Client, wanted: list[str]) -> AuthorizationOut:
    method = _consenting(subject)
    connection = subject.connection
    post = Asking(method, client, subject.values(), clock.epoch()).begin_device(wanted)
    try:
        status, _, body = await room.provider.send(post, subject.hosts(fixed_only=client.shared))
        answer = parse(body)
        if status >= 400 or answer is None:
            raise refusal(method, status, answer, None)
    except (TokenRefused, Unanswered) as failure:
        raise connections.told(failure) from None
    code, user_code = answer.get("device_code"), answer.get("user_code")
    where = answer.get("verification_uri") or answer.get("verification_url")
    if not all(isinstance(each, str) and each for each in (code, user_code, where)):
        raise ProviderRefused("The provider gave no code to type in.")
    seconds = min(lifetime(answer.get("expires_in"), 600.0) or 600.0, 3_600.0)
    pace = int(min(max(lifetime(answer.get("interval"), 5.0) or 5.0, 1.0), 600.0))
    sealed = await seal_text(room.vault, connection.org, _device_place(connection.id), str(code))
    async with room.database.tenant(connection.org) as tx:
        await tx.run(QUERIES.replace_device_flow, connection.org, connection.id)
        await tx.run(
            QUERIES.insert_device_flow, connection.org, connection.id, sealed, wanted, pace, timedelta(seconds=seconds)
        )
    complete = answer.get("verification_uri_complete")
    return AuthorizationOut(
        kind="device",
        user_code=str(user_code),
        verification_uri=room.egress.browser_url(str(where)),
        verification_uri_complete=room.egress.browser_url(complete) if isinstance(complete, str) else None,
        expires_at=clock.now() + timedelta(seconds=seconds),
    )


async def _opened(room: Connections, org: UUID, connection_id: UUID) -> tuple[Subject, Client]:
    async with room.database.tenant(org) as tx:
        read = await store.read(tx, await store.find(tx, org, connection_id), with_client=True)
    # Whether there is somebody to ask at all comes before what is missing to do so.
    subject = await store.opened(room.vault, read)
    _consenting(subject)
    return subject, await client_for(room.vault, subject, read.client)


def _consenting(subject: Subject) -> OAuth2:
    method = subject.method
    if not isinstance(method, OAuth2) or method.grant not in {"authorization_code", "device_code"}:
        raise WrongGrant("There is nobody to ask: enter its credential instead.")
    return method


async def require_return(tx: Transaction, org: UUID, url: str | None) -> None:
    """Raises InvalidConnection unless a browser may be sent back there."""
    if url is None or await tx.value(QUERIES.return_url_allowed, org, url):
        return
    message = "is not one of the organization's return URLs, word for word; add it with PUT /v1/oauth-return-urls"
    raise InvalidConnection(f"return_url {message}.", problems=[FieldProblem("return_url", message)])


async def _key(tx: Transaction, subject: Subject) -> str:
    definition = subject.definition
    public = await tx.value(QUERIES.integration_is_public, definition.integration_org, definition.integration)
    return rules.integration_key(definition.slug, definition.integration_org, public=bool(public))


def _place(flow: UUID) -> tuple[str, str, str]:
    return "oauth_flows", "sealed_verifier", flow.hex


def _device_place(connection: UUID) -> tuple[str, str, str]:
    return "device_flows", "sealed_code", connection.hex
