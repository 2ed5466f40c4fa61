"""Recorded answers in a connector's folder, `fixtures/*.json`, and a provider that is nothing but one of them.

    {"origin": "published", "source": "Slack's API description, the example of users.list", "reads": "users",
     "exchanges": [{"request": {"method": "POST", "path": "/users.list", "form": {"limit": "200"}},
                    "answer": {"status": 200, "body": {"ok": true, ...}}}],
     "gives": {"records": [...], "deleted": [], "state": {}}}

A request has to be what it was when it was recorded, and what comes of the answers what came of them then: a change on
either side is seen before a provider sees it. Requests are found by what they ask for, equal ones in their order.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.api import Answer, Api, Request
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.paging import Evaluate

# account: a real one. published: an example in the provider's own documents. stand-in: something held to those.
Origin = Literal["account", "published", "stand-in"]


class InvalidFixture(ValueError):
    """A file in a connector's fixtures is not one."""


class NotRecorded(Exception):
    """A connector asks for something that it did not ask for when this was recorded."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request, without its headers."""

    method: str
    path: str
    query: dict[str, str | list[str]] = {}
    json: Any = None
    form: dict[str, str] | None = None
    body: bytes | None = None


class Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Its answer; the body is JSON, or `text`."""

    status: int
    headers: dict[str, str] = {}
    body: Any = None
    text: str | None = None


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request and its answer."""

    request: Asked
    answer: Answered


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked of a connector (a stream `reads`, or an action `runs`), what is exchanged, and what comes of it."""

    origin: Origin
    source: str
    exchanges: list[Exchange]
    gives: Any
    reads: str | None = None
    runs: str | None = None
    state: dict[str, Any] | None = None
    only: dict[str, Any] | None = None
    input: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    captured: dict[str, Any] = {}


class Replay:
    """`sdk.api.Api` of a fixture's answers alone."""

    def __init__(self, fixture: Fixture, evaluate: Evaluate) -> None:
        self.settings: Mapping[str, Any] = fixture.settings
        self.captured: Mapping[str, Any] = fixture.captured
        self.left = list(fixture.exchanges)
        self._evaluate = evaluate

    def evaluate(self, source: str, value: Any) -> Any:
        """Work out an expression."""
        return self._evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        """The recorded answer. Raises NotRecorded."""
        wanted = asked(request)
        for place, exchange in enumerate(self.left):
            if exchange.request == wanted:
                return _answer(self.left.pop(place).answer)
        raise NotRecorded(f"{wanted.method} {wanted.path} was not recorded: {msgspec.json.encode(wanted).decode()}")


def load(folder: Path) -> dict[str, Fixture]:
    """The fixtures in a connector's folder, by file name. Raises InvalidFixture."""
    found: dict[str, Fixture] = {}
    for file in sorted((folder / "fixtures").glob("*.json")):
        try:
            fixture = msgspec.json.decode(file.read_bytes(), type=Fixture)
        except msgspec.MsgspecError as error:
            raise InvalidFixture(f"{file.name}: {error}") from None
        if (fixture.reads is None) == (fixture.runs is None) or not fixture.exchanges:
            raise InvalidFixture(f"{file.name}: it reads a stream or runs an action, and has exchanges.")
        found[file.name] = fixture
    return found


async def play(connector: Connector, fixture: Fixture, api: Api) -> Any:
    """What a connector makes of a fixture's answers, or of another API's for the same question, as `gives` has it."""
    if fixture.runs is not None:
        return await boundary.run(connector.actions[fixture.runs], api, fixture.input)
    known = await boundary.told("discovery", lambda: connector.discover(api))
    records: list[Any] = []
    deleted: list[Any] = []
    state = fixture.state
    async for page in boundary.pages(known[fixture.reads or ""], api, state, only=fixture.only):
        records += page.records
        deleted += [list(key) for key in page.deleted]
        state = dict(page.state)
    return {"records": records, "deleted": deleted, "state": state}


def asked(request: Request) -> Asked:
    """PURE: a request as it is recorded."""
    query = {
        name: value if isinstance(value, str) else str(value) if isinstance(value, int) else list(value)
        for name, value in request.query.items()
    }
    form = None if request.form is None else dict(request.form)
    return Asked(request.method, request.path, query, _plain(request.json), form, request.body)


def answered(answer: Answer) -> Answered:
    """PURE: an answer as it is recorded, with those of its headers that say something to a connector."""
    headers = {name: answer.headers[name] for name in ("etag", "link", "location", "range") if name in answer.headers}
    try:
        return Answered(answer.status, headers, msgspec.json.decode(answer.body))
    except msgspec.DecodeError:
        return Answered(answer.status, headers, text=answer.body.decode())


def _answer(recorded: Answered) -> Answer:
    body = msgspec.json.encode(recorded.body) if recorded.text is None else recorded.text.encode()
    return Answer(recorded.status, recorded.headers, body)


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
