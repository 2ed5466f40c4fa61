"""No secret anywhere it should not be: everything that leaves or stays is searched for what was planted in it."""

import asyncio
import base64
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.connections.authority import SECRET
from tests.connections.conftest import Desk, uuid_of
from tests.connections.test_connections import KEY_WAY
from tests.connections.test_direct_api import asked, connected
from tests.connections.test_proxy import Line
from worksphere_hub.connections.errors import NeedsReauthorization, ProviderUnavailable
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.telemetry import logs
from worksphere_hub.telemetry.traces import Spans

KEY = "canarykey0123456789abcdef"
PASSWORD = "canarypass9876543210fedcba"


def spellings(secret: str) -> Iterator[tuple[str, bytes]]:
    """A secret as it may stand in a file: as it is, encoded, or in the middle of something encoded."""
    raw = secret.encode()
    yield "plain", raw
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "url", quote(secret, safe="").encode()
    yield "json", json.dumps(secret)[1:-1].encode()
    yield "utf-16", secret.encode("utf-16-le")
    for shift in range(3):
        # Base64 of a text that holds it, wherever it begins: what does not depend on its neighbours.
        whole = base64.b64encode(b"\0" * shift + raw + b"\0" * ((3 - (len(raw) + shift) % 3) % 3))
        inner = whole[4 if shift else 0 : -4]
        yield f"base64+{shift}", inner
        yield f"base64url+{shift}", inner.replace(b"+", b"-").replace(b"/", b"_")


def found(secrets: Iterable[str], places: dict[str, bytes]) -> list[tuple[str, str, str]]:
    """Which secret stands where, in which spelling; the secret by its first characters."""
    return [
        (secret[:8], where, kind)
        for secret in secrets
        for kind, needle in spellings(secret)
        for where, content in places.items()
        if needle in content
    ]


async def dump(desk: Desk) -> bytes:
    """The database as a backup has it."""
    assert desk.database is not None
    program = desk.database.cluster.server.program("pg_dump")
    process = await asyncio.create_subprocess_exec(
        str(program), "--data-only", "--schema", "hub", desk.database.admin_url, stdout=asyncio.subprocess.PIPE
    )
    content, _ = await process.communicate()
    assert process.returncode == 0
    await desk.admin.execute("checkpoint")
    return content


def journal(folder: Path) -> bytes:
    """The write-ahead log."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("pg_wal/0*")))


@pytest.fixture
def written():
    """What is logged."""
    stream = io.BytesIO()
    logs.configure("debug", json=True, redact=redact_fields, stream=stream)
    yield stream
    logs.configure("critical", json=True, redact=redact_fields)


@pytest.fixture
def traced():
    """What would be sent to a collector of traces, once it is asked for."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    logs.accompany(Spans(provider.get_tracer("test"), redact_fields))
    yield lambda: "".join(span.to_json() for span in exporter.get_finished_spans()).encode()
    logs.accompany(None)
    provider.shutdown()


async def direct(desk: Desk) -> list[bytes]:
    """A database connected, with the right password and with others; answers what the API said."""
    said = []
    connection = await connected(desk)
    for password in (None, PASSWORD):
        if password is not None:
            given = {"credential": {"username": "hub_admin", "password": password}}
            said.append((await desk.ask("PUT", f"/v1/connections/{connection['id']}/credential", given)).body)
        said.append(await checked_body(desk, connection))
        said += [(await asked(desk, connection, statement=each)).body for each in ("select 1", "select x from nowhere")]
    return said


async def checked_body(desk: Desk, connection) -> bytes:
    return (await desk.ask("POST", f"/v1/connections/{connection['id']}/test")).body


async def lived(desk: Desk) -> tuple[list[str], bytes]:
    """Everything that can be done with connections, well and badly; answers the secrets and all that the API said."""
    said = []
    line = Line(desk)
    keyed = await desk.connection(await desk.installed(KEY_WAY, slug="keyed"), credential={"key": KEY})
    for given in ({"key": KEY.upper()}, {"other": KEY}, {"key": KEY, "x": KEY}):
        answer = await desk.ask("PUT", f"/v1/connections/{keyed['id']}/credential", {"credential": given})
        said.append(answer.body)
    for odd in (
        {"credential": KEY},
        {"credential": {"key": [KEY]}},
        {"credential": {"key": "x", "more": {"x": KEY}}},
        KEY,
    ):
        answer = await desk.ask("PUT", f"/v1/connections/{keyed['id']}/credential", odd)
        said.append(answer.body)
    account = await desk.authorized()
    await desk.run_out(account)
    await desk.room().broker.ready(desk.org, uuid_of(account))
    for answer in ((500, {"error": "x"}), (400, {"error": "odd"}), (400, {"error": "invalid_grant"})):
        await desk.run_out(account)
        desk.authority.answers = [answer]
        await desk.admin.execute("update hub.connection_credentials set retry_at = null")
        with pytest.raises((ProviderUnavailable, NeedsReauthorization)):
            await desk.room().broker.ready(desk.org, uuid_of(account))
    for method, path in (("GET", "a?b=1"), ("POST", "../x"), ("GET", "y")):
        desk.authority.api_answers = [(503, {"retry-after": "900"}, {"e": 1})]
        said.append((await line(keyed, method, path)).body)
    for path in ("", "/checks", "/health", "/requests"):
        said.append((await desk.ask("GET", f"/v1/connections/{account['id']}{path}")).body)
        said.append((await desk.ask("GET", f"/v1/connections/{keyed['id']}{path}")).body)
    said.append((await desk.ask("POST", f"/v1/connections/{keyed['id']}/test")).body)
    said += [(await desk.ask("GET", path)).body for path in ("/v1/connections", "/v1/oauth-clients")]
    said.append((await desk.ask("POST", f"/v1/connections/{account['id']}/disconnect")).body)
    await line.log.close()
    tokens = [*desk.authority.access_tokens, *desk.authority.refresh_tokens]
    codes = [call[name] for call in desk.authority.calls for name in ("code", "code_verifier") if name in call]
    said += await direct(desk)
    return [KEY, SECRET, PASSWORD, *tokens, *codes], b"\n".join(said)


async def test_no_secret_is_where_it_should_not_be_and_a_planted_one_is_found(desk, cluster, written, traced):
    secrets, said = await lived(desk)
    assert len(secrets) >= 8
    folder = Path(cluster.server.data)
    places = {
        "answers": said,
        "logs": written.getvalue(),
        "traces": traced(),
        "dump": await dump(desk),
        "journal": await asyncio.to_thread(journal, folder),
        "server log": cluster.server.log.read_bytes(),
        "events": json.dumps(await desk.events()).encode(),
    }
    assert all(len(content) > 100 for content in places.values())
    assert found(secrets, places) == []
    # And the search finds what is there, in each place and spelling.
    for kind, needle in spellings(KEY):
        assert found([KEY], {"place": b"before" + needle + b"after"}), kind
    await desk.admin.execute(
        "insert into hub.audit_log (org_id, actor_kind, action, target_kind, changes)"
        " values ($1, 'system', 'a.b', 'c', $2)",
        desk.org, json.dumps({"x": base64.b64encode(f"xy{KEY}z".encode()).decode()}),
    )  # fmt: skip
    planted = {"dump": await dump(desk), "journal": await asyncio.to_thread(journal, folder)}
    assert {where for _, where, _ in found([KEY], planted)} == {"dump", "journal"}
