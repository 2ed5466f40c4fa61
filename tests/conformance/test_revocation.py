"""An account's owner takes the grant back at the provider: by the vendor's own call, also while a stream is read."""

import base64
from typing import NamedTuple

import httpx
import pytest

from tests.connectors.sandbox_api import SandboxApi
from tests.sandbox.conftest import sandbox, served
from worksphere_hub.sdk import boundary, registry
from worksphere_hub.sdk.errors import AuthFailed

__all__ = ["sandbox", "served"]

DRIVE = "https://www.googleapis.com/auth/drive"
SLACK = [
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
    "users:read",
    "users:read.email",
    "chat:write",
    "files:read",
    "files:write",
]


class Account(NamedTuple):
    """Where an account of the sandbox is, what it is asked for, and one thing that is done with it."""

    provider: str
    path: str
    wanted: dict
    action: tuple[str, dict]


ACCOUNTS = {
    "slack": Account(
        "slack", "/slack/api", {"scopes": SLACK}, ("post_message", {"channel": "C0GENERAL1", "text": "x"})
    ),
    "google-drive": Account(
        "google", "/google", {"scopes": [DRIVE], "account": "ada@acme.example"},
        ("get_file", {"id": "1SandboxFileRoadmap"}),
    ),
    "salesforce": Account(
        "salesforce", "/salesforce/services/data/v60.0", {}, ("query", {"soql": "SELECT Id FROM Account"})
    ),
    "microsoft-teams": Account(
        "microsoft", "/microsoft/v1.0", {"account": "ada@acme.example"},
        ("send_to_chat", {"chat": "19:adagrace@unq.gbl.spaces", "text": "x"}),
    ),
    "zoom": Account(
        "zoom", "/zoom/v2", {"account": "ada@acme.example"},
        ("create_meeting", {"topic": "x", "start_time": "2030-01-15T09:00:00Z"}),
    ),
}  # fmt: skip
STREAMS = [(slug, name) for slug in sorted(ACCOUNTS) for name in sorted(registry.load(slug).streams)]


class Owned(SandboxApi):
    """An account whose grant ends once it has answered `left` calls."""

    left = 10**6

    def __init__(self, sandbox, slug):
        account = ACCOUNTS[slug]
        self.provider, self.sandbox = account.provider, sandbox
        self.given = sandbox.tokens(account.provider, **account.wanted)
        captured = {"instance_url": f"{sandbox.url}/salesforce", "acts_for": "user"}
        super().__init__(sandbox, account.path, self.given["access_token"], **captured)

    async def send(self, request):
        if self.left == 0:
            self.take_back()
        self.left -= 1
        return await super().send(request)

    def take_back(self):
        """As the vendor has it done; Microsoft has no call for it, an administrator ends sessions by hand."""
        token, urls = self.given["access_token"], self.sandbox.provider(self.provider)
        bearer = {"authorization": f"Bearer {token}"}
        if self.provider == "microsoft":
            assert self.sandbox.call("POST", "/tokens/end", provider="microsoft", how="revoke")["ended"]
            return
        if self.provider == "zoom":
            app = next(app for app in urls["apps"] if not app["settings"].get("server_to_server"))
            basic = base64.b64encode(f"{app['client_id']}:{app['client_secret']}".encode()).decode()
            bearer = {"authorization": f"Basic {basic}"}
        # Slack's is a method like any other.
        url = urls.get("revoke_url", f"{self.sandbox.url}/slack/api/auth.revoke")
        answer = httpx.post(url, data={"token": token}, headers=bearer, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert "error" not in answer.text


@pytest.fixture
async def owned(request, sandbox):
    slug = request.param if isinstance(request.param, str) else request.param[0]
    api = Owned(sandbox, slug)
    yield api
    await api.close()


@pytest.mark.parametrize(
    ("owned", "stream"), [((slug, name), name) for slug, name in STREAMS], indirect=["owned"],
    ids=["-".join(each) for each in STREAMS],
)  # fmt: skip
async def test_a_stream_of_a_grant_that_was_taken_back_says_so_wherever_it_is(request, owned, stream):
    slug = request.node.callspec.params["owned"][0]
    read = registry.load(slug).streams[stream]

    async def look(api, seen):
        async for page in boundary.pages(read, api, None):
            seen.append(page)

    whole = []
    await look(owned, whole)
    assert whole
    calls = len(owned.requests)
    # It is the first call that is refused, the one in the middle, the last: none is taken for the end of the list.
    for left in sorted({0, calls // 2, calls - 1}):
        owned.sandbox.reset()
        again = Owned(owned.sandbox, slug)
        again.left, seen = left, []
        with pytest.raises(AuthFailed) as told:
            await look(again, seen)
        assert not [page for page in seen if page.deleted]
        assert told.value.owner == "user"
        assert again.given["access_token"] not in str(told.value)
        await again.close()


@pytest.mark.parametrize("owned", sorted(ACCOUNTS), indirect=True)
async def test_an_action_of_a_grant_that_was_taken_back_says_so(request, owned):
    slug = request.node.callspec.params["owned"]
    name, given = ACCOUNTS[slug].action
    action = registry.load(slug).actions[name]
    await boundary.run(action, owned, given)
    owned.take_back()
    with pytest.raises(AuthFailed):
        await boundary.run(action, owned, given)
