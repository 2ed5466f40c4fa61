"""Notifications that come twice, and such that never come: each of the five, from its stand-in to the hub's events."""

import hashlib
import hmac
import json
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conformance.test_revocation import ACCOUNTS
from tests.connectors.sandbox_api import SandboxApi, everything
from tests.inbound.conftest import reception
from tests.inbound.test_facts import Shelf
from tests.sandbox.conftest import sandbox, served
from tests.sandbox.receiver import receiving
from tests.sdk.manifest.samples import base
from worksphere_hub import ids
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.inbound import Address

__all__ = ["reception", "sandbox", "served"]

TEAM, CHANNEL = "bbbbbbbb-0000-4000-8000-000000000001", "19:engineeringgeneral@thread.tacv2"
HERE, MESSAGES = {"team": TEAM, "channel": CHANNEL}, f"/teams/{TEAM}/channels/{CHANNEL}/messages"
ZOOM_TOKEN = "zoom-sandbox-secret-token"


class Case(NamedTuple):
    """How a provider tells: what proves it, what is done there, and which stream has the news of it."""

    scheme: dict[str, Any]
    secret: str
    action: str
    given: dict[str, Any]
    stream: str
    only: dict[str, Any]
    resource: tuple[str, ...] = ()


CASES = {
    "slack": Case(
        {"scheme": "slack"}, "slack-sandbox-signing-secret",
        "post_message", {"channel": "C0GENERAL1", "text": "News {n}"}, "messages", {},
    ),
    "google-drive": Case(
        {"scheme": "api_key", "header": "X-Goog-Channel-Token"}, "the channel's own token",
        "create_folder", {"name": "News {n}"}, "files", {},
    ),
    "salesforce": Case(
        {"scheme": "salesforce"}, "00D5g000000SbxQEAS",
        "create_record", {"object": "Account", "fields": {"Name": "News {n}"}}, "Account", {},
    ),
    "microsoft-teams": Case(
        {"scheme": "graph"}, "the state of a subscription",
        "send_to_channel", {**HERE, "text": "News {n}"}, "messages", HERE, (MESSAGES,),
    ),
    "zoom": Case(
        {"scheme": "zoom"}, ZOOM_TOKEN,
        "create_meeting", {"topic": "News {n}", "start_time": "2030-01-15T09:00:00Z"}, "meetings", {},
    ),
}  # fmt: skip


class Scene:
    """An account of the sandbox, whose notifications go to a receiver that keeps them."""

    def __init__(self, sandbox, slug, receiver):
        account = ACCOUNTS[slug]
        token = sandbox.tokens(account.provider, **account.wanted)["access_token"]
        captured = {"instance_url": f"{sandbox.url}/salesforce", "acts_for": "user"}
        self.sandbox, self.slug, self.receiver = sandbox, slug, receiver
        self.provider, self.case, self.connector = account.provider, CASES[slug], registry.load(slug)
        self.api = SandboxApi(sandbox, account.path, token, **captured)

    async def listen(self):
        """Have the provider send to the receiver, as its page of settings or its API has it."""
        self.receiver.answer = _handshake
        if self.connector.inbound.subscribes:
            address = Address(self.receiver.url, self.case.secret, self.case.resource)
            await self.connector.inbound.subscribe(self.api, address)
        else:
            self.sandbox.call("PUT", "/receivers", provider=self.provider, url=self.receiver.url)
        self.sandbox.settle()
        self.receiver.everything()

    def manner(self, manner):
        self.sandbox.call("PATCH", "/settings", webhooks=manner)

    async def happen(self, number):
        given = json.loads(json.dumps(self.case.given).replace("{n}", str(number)))
        await self.connector.actions[self.case.action].run(self.api, given)
        self.sandbox.settle()
        return self.receiver.everything()

    async def read(self, state):
        stream = self.connector.streams[self.case.stream]
        return await everything(stream, self.api, state, **self.case.only)


@pytest.fixture(params=sorted(CASES))
async def scene(request, sandbox):
    with receiving() as receiver:
        made = Scene(sandbox, request.param, receiver)
        yield made
        await made.api.close()


async def test_what_is_told_twice_is_one_event_and_the_next_is_another(reception, scene):
    shelf = Shelf(reception)
    operator, _ = await reception.organization()
    await reception.admin.execute("update hub.organizations set operator = true where id = $1", operator)
    integration = await shelf.integration({**base(), "slug": scene.slug}, operator, public=True)
    instance = await shelf.instance(integration, owner=operator)
    source = {
        "name": "N", "verification": scene.case.scheme, "secret": scene.case.secret, "route": "connector",
        "instance_id": ids.encode("inst", instance),
    }  # fmt: skip
    made = (await reception.ask("POST", "/v1/inbound-sources", source)).json()
    await scene.listen()
    scene.manner("twice")
    known = []
    for number in (1, 2):
        arrived = await scene.happen(number)
        assert len(arrived) >= 2
        assert len({one.body + one.headers.get("x-goog-message-number", "").encode() for one in arrived}) < len(arrived)
        for one in arrived:
            answer = await reception.send(made, one.body, one.headers, query=_query(one.path))
            assert answer.status == 200, answer.body
        await reception.process()
        told = await reception.events()
        assert len(told) == len(known) + len(arrived) // 2, told
        known = told


async def test_what_is_never_told_is_found_by_reading_on(scene):
    await scene.listen()
    before, _, state = await scene.read(None)
    scene.manner("lose")
    assert await scene.happen(1) == []
    after, _, _ = await scene.read(state)
    (news,) = after.keys() - before.keys()
    assert "News 1" in json.dumps(after[news])


def _query(path):
    query = urlsplit(path).query
    return f"?{query}" if query else ""


def _handshake(request):
    """What each vendor asks of a receiver before it sends."""
    token = parse_qs(urlsplit(request.path).query).get("validationToken")
    if token:
        return 200, "text/plain", token[0].encode()
    try:
        body = json.loads(request.body)
    except ValueError:
        # Salesforce's messages are XML, and so is the word that it wants.
        return 200, "text/xml", _ACKNOWLEDGED
    if body.get("challenge"):
        return 200, "text/plain", body["challenge"].encode()
    if body.get("event") == "endpoint.url_validation":
        plain = body["payload"]["plainToken"]
        proof = hmac.new(ZOOM_TOKEN.encode(), plain.encode(), hashlib.sha256).hexdigest()
        return 200, "application/json", json.dumps({"plainToken": plain, "encryptedToken": proof}).encode()
    return 200, "text/plain", b""


_ACKNOWLEDGED = (
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)
