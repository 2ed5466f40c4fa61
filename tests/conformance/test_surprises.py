"""Providers that answer what nobody expected: a connector tells of it, and never falls over."""

import copy
import json

import pytest

from tests.connectors.sandbox_api import SandboxApi
from tests.sandbox.conftest import sandbox, served
from worksphere_hub.sdk import boundary, registry
from worksphere_hub.sdk.api import Answer
from worksphere_hub.sdk.errors import ConnectorFailed

__all__ = ["sandbox", "served"]

SCOPES = {
    "slack": ["channels:read", "groups:read", "channels:history", "groups:history", "users:read", "users:read.email",
              "chat:write", "files:read", "files:write"],
    "google": ["https://www.googleapis.com/auth/drive"],
}  # fmt: skip
ACCOUNTS = {
    "slack": ("slack", "/slack/api", {}),
    "google-drive": ("google", "/google", {}),
    "salesforce": ("salesforce", "/salesforce/services/data/v60.0", {}),
    "microsoft-teams": ("microsoft", "/microsoft/v1.0", {}),
    "zoom": ("zoom", "/zoom/v2", {"client_id": "zoom-sandbox-server-app"}),
}
STREAMS = [(slug, name) for slug in sorted(ACCOUNTS) for name in sorted(registry.load(slug).streams)]
BODIES = (b"", b"null", b"[]", b"{}", b'"text"', b"7", b"<html>", b"[null]", b'{"value": null}', b'[{"a": 1}]')
# Of hundreds of ways in which an answer may be odd so many are tried at each.
MOST = 40
# What one value may turn into.
VALUES = (None, [], {}, "text", 7, [None], [{}], {"a": None})


class Surprising(SandboxApi):
    """A provider whose answers can be replaced: those that were given are kept."""

    answers: list
    instead: dict

    async def send(self, request):
        answer = await super().send(request)
        number = len(self.answers)
        self.answers.append(answer)
        if number in self.instead:
            return Answer(answer.status, answer.headers, self.instead[number])
        return answer


@pytest.fixture
async def account(request, sandbox):
    slug, _ = request.param
    provider, path, given = ACCOUNTS[slug]
    wanted = {"scopes": SCOPES[provider], **given} if provider in SCOPES else given
    token = sandbox.tokens(provider, **wanted)["access_token"]
    api = Surprising(sandbox, path, token, instance_url=f"{sandbox.url}/salesforce", acts_for="account")
    api.answers, api.instead, api.legal = [], {}, None
    yield registry.load(slug).streams[request.param[1]], api
    await api.close()


async def read(stream, api, instead=None):
    """Read it all; what comes of it is a failure that a connector may raise, or nothing."""
    api.answers, api.instead = [], instead or {}
    try:
        async for _ in boundary.pages(stream, api, None):
            if len(api.answers) > 40:
                break
    except ConnectorFailed as failure:
        return failure
    return None


def changed(body):
    """The same answer with one value another one: at its top, and in the first thing of each list in it."""
    found = json.loads(body)
    for way in ways(found):
        for value in VALUES:
            made = copy.deepcopy(found)
            place = made
            for step in way[:-1]:
                place = place[step]
            if place[way[-1]] != value:
                place[way[-1]] = value
                yield json.dumps(made).encode()
        made = copy.deepcopy(found)
        place = made
        for step in way[:-1]:
            place = place[step]
        if isinstance(place, dict):
            del place[way[-1]]
            yield json.dumps(made).encode()


def ways(value, way=(), depth=3):
    """Where the values are: every key, and the first of a list."""
    if depth and isinstance(value, dict):
        for key, inner in value.items():
            yield (*way, key)
            yield from ways(inner, (*way, key), depth - 1)
    elif depth and isinstance(value, list) and value:
        yield (*way, 0)
        yield from ways(value[0], (*way, 0), depth - 1)


@pytest.mark.parametrize("account", STREAMS, indirect=True, ids="-".join)
async def test_whatever_a_provider_answers_a_stream_ends_or_says_why(account):
    stream, api = account
    assert await read(stream, api) is None
    given = list(api.answers)
    seen = 0
    for number, answer in enumerate(given[:3]):
        bodies = [*BODIES, *(changed(answer.body) if answer.body[:1] in {b"{", b"["} else ())]
        for body in bodies[:: len(bodies) // MOST + 1]:
            failure = await read(stream, api, {number: body})
            seen += failure is not None
    assert seen
