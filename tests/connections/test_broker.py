"""Several processes, a certified authorization server that revokes the family on reuse, and SIGKILL."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.connections import oidc as peers
from tests.connections.conftest import Desk, uuid_of
from tests.connections.oidc import CLIENT, SECRET, Oidc, Owner
from tests.db.pooler import needs_pgbouncer, pooling, through

BASE = "https://hub.example.com"
# The operator's own address of its public integration: known before the organization is made.
REDIRECT = f"{BASE}/v1/oauth/callback/example"


class Contender:
    """A process that wants the credential."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def go(self, callers: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"go {callers}\n".encode())

    async def answer(self) -> list[list[object]]:
        assert self.process.stdout is not None
        return json.loads(await self.process.stdout.readline())

    async def ask(self, callers: int = 1) -> list[list[object]]:
        await self.go(callers)
        return await self.answer()


class Contest:
    """A connection that is authorized at the peer, and processes that want its credential."""

    def __init__(self, desk: Desk, oidc: Oidc, stack: AsyncExitStack) -> None:
        self.desk = desk
        self.oidc = oidc
        self.stack = stack
        self.connection: dict[str, str] = {}

    async def begin(self) -> None:
        desk = self.desk
        manifest = desk.manifest(self.oidc.method(), hosts=[urlsplit(self.oidc.issuer).netloc])
        manifest |= {"api": None, "verification": None}
        instance = await desk.instance(await desk.integration(manifest, visibility="public"))
        await desk.client(instance, client_id=CLIENT, client_secret=SECRET)
        self.connection = await desk.connection(instance)

    async def authorize(self) -> str:
        """Through the browser and back; answers the address that the browser came back with."""
        answer = await self.desk.ask("POST", f"/v1/connections/{self.connection['id']}/authorize", {})
        left = await self.desk.browse(answer.json()["url"])
        name, _, rest = left.headers["set-cookie"].partition("=")
        self.cookies = {name: rest.partition(";")[0]}
        return await Owner().agree(left.headers["location"], REDIRECT)

    async def contender(self, pooler: int | None = None) -> Contender:
        """Another process; with a `pooler` by way of its port."""
        desk = self.desk
        assert desk.database is not None
        url = desk.database.app_url if pooler is None else through(desk.database.app_url, pooler)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.connections.contender", url,
            desk.master.current.secret.hex(), desk.org.hex, uuid_of(self.connection).hex,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.stack.push_async_callback(_end, process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return Contender(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def contest(desk, tmp_path) -> AsyncIterator[Contest]:
    async with AsyncExitStack() as stack:
        oidc = await stack.enter_async_context(peers.running(tmp_path, REDIRECT))
        made = Contest(desk, oidc, stack)
        await made.begin()
        yield made


async def test_the_attacks_that_a_real_server_lets_a_browser_carry(contest):
    desk, real = contest.desk, await contest.authorize()
    issuer = contest.oidc.issuer
    assert f"iss={issuer.replace(':', '%3A').replace('/', '%2F')}" in real
    for trick in ("iss=x", "iss2="):
        changed = (await contest.authorize()).replace("iss=", trick)
        answer = await desk.browse(changed, contest.cookies)
        assert (answer.status, answer.json()["code"]) == (400, "oauth_wrong_issuer")
    assert [note for note in contest.oidc.notes() if note.get("grant") == "authorization_code"] == []
    good = await contest.authorize()
    assert (await desk.browse(good, contest.cookies)).status == 200
    replayed = await desk.browse(good, contest.cookies)
    assert replayed.json()["code"] == "oauth_flow_refused"
    assert (await desk.shown(contest.connection))["status"] == "connected"


async def test_one_renewal_per_expiry_and_a_family_that_stays_whole(contest):
    await hold_contest(contest)


@needs_pgbouncer
async def test_the_same_through_a_pooler_with_fewer_connections_than_contenders(contest, roomy_folder):
    async with pooling(roomy_folder, contest.desk.database.app_url, size=3) as port:
        await hold_contest(contest, port)


async def hold_contest(contest, pooler=None):
    """Four processes of ten callers each want a credential that has run out, five times over."""
    desk = contest.desk
    assert (await desk.browse(await contest.authorize(), contest.cookies)).status == 200
    contenders = [await contest.contender(pooler) for _ in range(4)]
    for expiry in range(1, 6):
        await desk.run_out(contest.connection)
        for each in contenders:
            await each.go(10)
        found = [answer for each in contenders for answer in await each.answer()]
        assert {answer[0] for answer in found} == {expiry + 1}, found[0]
        assert len({answer[1] for answer in found}) == 1
        assert contest.oidc.renewals() == expiry
    assert not any(note.get("revoked") for note in contest.oidc.notes())


async def test_killed_between_reply_and_write(contest):
    desk = contest.desk
    await desk.browse(await contest.authorize(), contest.cookies)
    dying, heir = await contest.contender(), await contest.contender()
    await desk.run_out(contest.connection)
    contest.oidc.withhold(answers=True)
    await dying.go(3)
    while contest.oidc.renewals() < 1:
        await asyncio.sleep(0.01)
    dying.process.kill()
    await dying.process.wait()
    contest.oidc.withhold(answers=False)
    row = await desk.stored(contest.connection)
    assert row["intent_fence"] == row["fence"], "what it was about to spend was written down before it called"
    # Nobody else goes on while its lease lasts; then the next one tries once, and the provider has the last word.
    await desk.admin.execute("update hub.connection_credentials set lease_until = now() - interval '1 second'")
    found = await heir.ask(5)
    assert {answer[1] for answer in found} == {"needs_reauthorization"}
    assert "interrupted" in str(found[0][2])
    assert (contest.oidc.renewals(), contest.oidc.renewals(ok=False)) == (1, 1)
    assert await heir.ask(5) == found
    assert contest.oidc.renewals(ok=False) == 1
    assert (await desk.browse(await contest.authorize(), contest.cookies)).status == 200
    assert (await heir.ask())[0][0] == 2


async def test_killed_before_it_has_called(contest):
    desk = contest.desk
    await desk.browse(await contest.authorize(), contest.cookies)
    heir = await contest.contender()
    await desk.run_out(contest.connection)
    await desk.admin.execute(
        "update hub.connection_credentials set fence = 1, intent_fence = 1, sealed_intent = 'sealed',"
        " lease_until = now() - interval '1 second'"
    )
    assert (await heir.ask(5))[0][0] == 2
    assert contest.oidc.renewals() == 1


GOOGLE = f"""
google:
  users:
    - email: owner@example.com
      name: Owner
  oauth_clients:
    - client_id: {CLIENT}
      client_secret: {SECRET}
      name: Hub
      redirect_uris: [{REDIRECT}]
"""


async def test_a_provider_that_keeps_its_refresh_token(desk, tmp_path):
    """Google as another project plays it: one refresh token for good, a wrong verifier and a replay refused."""
    async with peers.emulated("google", tmp_path, GOOGLE) as base:
        way = desk.method(
            authorize_url=f"{base}/o/oauth2/v2/auth",
            token_url=f"{base}/oauth2/token",
            revoke_url=f"{base}/oauth2/revoke",
            rotation="none",
            client_authentication="post",
            authorize_parameters={"access_type": "offline", "prompt": "consent"},
            scopes={"openid": {"sentence": "Know you.", "required": True}, "email": {"sentence": "Know your address."}},
        )
        manifest = desk.manifest(
            way, hosts=[urlsplit(base).netloc], api={"base_url": f"{base}/oauth2/v2"},
            verification={"path": "/userinfo", "account_key": "email", "account_label": "name"},
        )  # fmt: skip
        instance = await desk.instance(await desk.integration(manifest, visibility="public"))
        await desk.client(instance, client_id=CLIENT, client_secret=SECRET)
        connection = await desk.connection(instance)

        async def came_back() -> tuple[str, dict[str, str]]:
            answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/authorize", {})
            left = await desk.browse(answer.json()["url"])
            name, _, rest = left.headers["set-cookie"].partition("=")
            return await Owner().press(left.headers["location"]), {name: rest.partition(";")[0]}

        # A code that was meant for another flow is redeemed with a verifier that is not its own.
        stolen, _ = await came_back()
        own, cookies = await came_back()
        code = dict(parse_qsl(urlsplit(stolen).query))["code"]
        swapped = own.replace(dict(parse_qsl(urlsplit(own).query))["code"], code)
        refused = await desk.browse(swapped, cookies)
        assert (refused.status, b"invalid_grant" in refused.body) == (400, True)

        own, cookies = await came_back()
        assert (await desk.browse(own, cookies)).status == 200
        assert (await desk.browse(own, cookies)).status == 400
        for version in (2, 3):
            await desk.run_out(connection)
            ready = await desk.room().broker.ready(desk.org, uuid_of(connection))
            assert ready.version == version
        assert (await desk.ask("POST", f"/v1/connections/{connection['id']}/test")).json()["outcome"] == "healthy"
        shown = await desk.shown(connection)
        assert (shown["account_key"], shown["status"]) == ("owner@example.com", "connected")
        gone = await desk.ask("POST", f"/v1/connections/{connection['id']}/disconnect")
        assert gone.json()["revoked"] is True
