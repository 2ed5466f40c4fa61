"""Who comes in, for whom, how fast, and how soon no longer."""

import asyncio
from datetime import timedelta

import pytest

from tests.accounts.office import PEPPER, SETTINGS, Office, permissions_of, public
from worksphere_hub import clock, ids
from worksphere_hub.accounts import permissions
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.errors import OrganizationNotFound, Unauthenticated
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.db.failures import DatabaseUnavailable
from worksphere_hub.http.limits import RateLimited, RateLimiter
from worksphere_hub.security import tokens

USUAL = AccountSettings()


class Counting:
    """The real database, counting what is asked of it."""

    def __init__(self, database) -> None:
        self._database = database
        self.calls = 0
        self.away = False

    async def call(self, *args):
        self.calls += 1
        if self.away:
            raise DatabaseUnavailable
        return await self._database.call(*args)


def fresh(office: Office, **changes) -> tuple[Authenticator, Counting]:
    """Another process that believes what it saw for as long as usual."""
    counting = Counting(office.database)
    settings = AccountSettings(**changes)
    return Authenticator(counting, PEPPER, RateLimiter(), settings), counting


def without_waiting(coroutine):
    """Run a coroutine that must not suspend."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    pytest.fail("it waited for something")


async def test_a_key_is_who_it_says(office):
    org = await office.organization()
    text, key = await office.key(org, "events:publish", "endpoints:read", rate_limit=7)
    found = await office.authenticator.authenticate(f"Bearer {text}")
    assert (found.kind, found.org, found.org_id, found.home_org, found.id) == ("api_key", org, org, org, key)
    assert found.permissions == {"events:publish", "endpoints:read"}
    assert (found.label, found.rate_limit, found.operator) == (f"key:{text[9:21]}", 7, False)
    assert text[22:] not in repr(found)


async def test_a_session_is_who_it_says(office):
    org = await office.organization()
    person = await office.person(org, "developer")
    found = await office.authenticator.authenticate(f"bearer {await office.session(org, person)}")
    assert (found.kind, found.org, found.id, found.public_id) == ("person", org, person, public("per", person))
    assert found.permissions == permissions_of("developer") | {permissions.SELF}


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "hub_live_x", "Bearer hub_live_x", "Bearer hub_ses_x",
     "Bearer hub_ses_" + "A" * 43, "Bearer \xff\x00", "Bearer " + "A" * 10_000],
)  # fmt: skip
async def test_what_is_no_credential_is_refused(office, header):
    with pytest.raises(Unauthenticated):
        await office.authenticator.authenticate(header)


async def test_a_mistyped_key_costs_no_look_up(office):
    org = await office.organization()
    text, _ = await office.key(org)
    checks, counting = fresh(office)
    for wrong in (text[:-1] + ("A" if text[-1] != "A" else "B"), text[:-1], text + "A", text.replace("_", "-")):
        with pytest.raises(Unauthenticated):
            await checks.authenticate(f"Bearer {wrong}")
    assert counting.calls == 0


async def test_a_wrong_secret_under_a_known_id_is_refused_as_an_unknown_id_is(office, monkeypatch):
    org = await office.organization()
    text, _ = await office.key(org)
    unknown = tokens.mint_api_key(PEPPER).text.reveal()
    unchecked = text[:22] + unknown[22:-6]
    wrong = unchecked + tokens._checksum(unchecked)
    steps: list[str] = []
    for name in ("digest", "same"):
        real = getattr(tokens, name)
        monkeypatch.setattr(tokens, name, lambda *args, n=name, r=real: (steps.append(n), r(*args))[1])
    seen = []
    for bad in (wrong, unknown):
        steps.clear()
        checks, counting = fresh(office)
        with pytest.raises(Unauthenticated) as refused:
            await checks.authenticate(f"Bearer {bad}")
        seen.append((tuple(steps), counting.calls, refused.value.detail))
    assert seen[0] == seen[1]
    assert seen[0][:2] == (("digest", "same"), 1)


async def test_a_known_key_costs_neither_a_look_up_nor_a_wait(office):
    org = await office.organization()
    text, _ = await office.key(org)
    checks, counting = fresh(office, freshness=3600.0)
    await checks.authenticate(f"Bearer {text}")
    for _ in range(500):
        assert without_waiting(checks.authenticate(f"Bearer {text}", None)).org == org
    assert counting.calls == 1


async def test_many_at_once_make_one_look_up_and_the_unknown_is_remembered_too(office):
    org = await office.organization()
    text, _ = await office.key(org)
    checks, counting = fresh(office, freshness=3600.0)
    await asyncio.gather(*(checks.authenticate(f"Bearer {text}") for _ in range(100)))
    assert counting.calls == 1
    unknown = tokens.mint_api_key(PEPPER).text.reveal()
    for _ in range(3):
        outcomes = [checks.authenticate(f"Bearer {unknown}") for _ in range(20)]
        found = await asyncio.gather(*outcomes, return_exceptions=True)
        assert all(isinstance(each, Unauthenticated) for each in found)
    assert counting.calls == 2


async def test_a_revoked_key_is_refused_by_every_process_within_a_second(office):
    org = await office.organization()
    text, key = await office.key(org, "events:publish")
    token = await office.signed_in(org, "owner")
    processes = [fresh(office, rate_limit=1_000_000, rate_burst=1_000_000)[0] for _ in range(2)]
    for process in processes:
        await process.authenticate(f"Bearer {text}")
    answer = await office.ask(token, "DELETE", f"/v1/api-keys/{public('key', key)}")
    assert answer.status == 204
    revoked = clock.monotonic()
    for process in processes:
        # Whatever the machine's speed: no request that begins more than a second after the answer may pass.
        while True:
            began = clock.monotonic()
            try:
                await process.authenticate(f"Bearer {text}")
            except Unauthenticated:
                break
            assert began - revoked <= USUAL.freshness
            await asyncio.sleep(0.01)


async def test_an_ended_session_is_refused_by_every_process_within_a_second(office):
    org = await office.organization()
    token = await office.signed_in(org, "owner")
    checks, _ = fresh(office, rate_limit=1_000_000, rate_burst=1_000_000)
    await checks.authenticate(f"Bearer {token}")
    assert (await office.ask(token, "DELETE", "/v1/sessions/current")).status == 204
    ended = clock.monotonic()
    while True:
        began = clock.monotonic()
        try:
            await checks.authenticate(f"Bearer {token}")
        except Unauthenticated:
            break
        assert began - ended <= USUAL.freshness
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "statement",
    [
        "update hub.api_keys set expires_at = now() - interval '1 second'",
        "update hub.api_keys set revoked_at = now()",
        "update hub.organizations set suspended_at = now()",
        "delete from hub.members",
    ],
)
async def test_a_key_that_is_over_is_refused(office, statement):
    org = await office.organization()
    text, _ = await office.key(org, creator=await office.person(org, "developer"))
    await office.authenticator.authenticate(f"Bearer {text}")
    await office.admin.execute(statement)
    with pytest.raises(Unauthenticated):
        await office.authenticator.authenticate(f"Bearer {text}")


@pytest.mark.parametrize(
    "statement",
    [
        "update hub.sessions set expires_at = now() - interval '1 second'",
        "update hub.sessions set seen_at = now() - interval '12 hours 1 second'",
        "update hub.organizations set suspended_at = now()",
        "delete from hub.members",
    ],
)
async def test_a_session_that_is_over_is_refused(office, statement):
    org = await office.organization()
    token = await office.signed_in(org, "developer")
    await office.authenticator.authenticate(f"Bearer {token}")
    await office.admin.execute(statement)
    with pytest.raises(Unauthenticated):
        await office.authenticator.authenticate(f"Bearer {token}")


async def test_a_key_loses_what_its_creator_loses(office):
    org = await office.organization()
    person = await office.person(org, "developer")
    text, _ = await office.key(org, "events:publish", "endpoints:read", creator=person)
    for role, left in (
        ("developer", {"events:publish", "endpoints:read"}),
        ("analyst", {"endpoints:read"}),
        ("auditor", set()),
        ("owner", {"events:publish", "endpoints:read"}),
    ):
        await office.admin.execute("update hub.members set role = $1", role)
        assert (await office.authenticator.authenticate(f"Bearer {text}")).permissions == left


async def test_a_changed_pepper_refuses_every_key(office):
    org = await office.organization()
    text, _ = await office.key(org)
    other = Authenticator(office.database, PEPPER + b"!", RateLimiter(), SETTINGS)
    with pytest.raises(Unauthenticated):
        await other.authenticate(f"Bearer {text}")


async def test_a_key_has_its_rate_and_its_own_where_it_has_one(office):
    org = await office.organization()
    usual, _ = await office.key(org)
    own, _ = await office.key(org, rate_limit=1)
    checks, _ = fresh(office, rate_limit=1, rate_burst=4, freshness=3600.0)
    for text, allowed in ((usual, 4), (own, 2)):
        for _ in range(allowed):
            await checks.authenticate(f"Bearer {text}")
        with pytest.raises(RateLimited) as refused:
            await checks.authenticate(f"Bearer {text}")
        assert 0 < refused.value.retry_after <= 1


async def test_the_operator_acts_for_others_with_the_permission_for_it(office):
    home, there = await office.organization(operator=True), await office.organization()
    acts, _ = await office.key(home, permissions.ACT, "organizations:create", "events:publish")
    found = await office.authenticator.authenticate(f"Bearer {acts}", public("org", there))
    assert (found.org, found.home_org, found.acting_org) == (there, home, home)
    assert found.permissions == {"events:publish"}
    at_home = await office.authenticator.authenticate(f"Bearer {acts}", public("org", home))
    assert at_home.org == home
    assert at_home.may("organizations:create")


async def test_nobody_else_learns_which_organizations_there_are(office):
    home, there = await office.organization(operator=True), await office.organization()
    suspended = await office.organization()
    await office.admin.execute("update hub.organizations set suspended_at = now() where id = $1", suspended)
    acts, _ = await office.key(home, permissions.ACT)
    acts_not, _ = await office.key(home, "events:publish")
    stranger, _ = await office.key(await office.organization())
    missing = public("org", ids.new())
    cases = [
        (acts, missing), (acts, public("org", suspended)), (acts, "org_x"), (acts, ""), (acts, public("key", there)),
        (acts_not, public("org", there)), (stranger, public("org", there)), (stranger, public("org", home)),
        (stranger, missing), (stranger, "org_x"),
    ]  # fmt: skip
    refusals = set()
    for text, organization in cases:
        with pytest.raises(OrganizationNotFound) as refused:
            await office.authenticator.authenticate(f"Bearer {text}", organization)
        refusals.add((refused.value.status, refused.value.code, refused.value.detail))
    assert len(refusals) == 1


async def test_acting_for_many_costs_a_look_up_each_a_second(office):
    home = await office.organization(operator=True)
    others = [await office.organization() for _ in range(3)]
    text, _ = await office.key(home, permissions.ACT, "events:publish")
    checks, counting = fresh(office, freshness=3600.0)
    for _ in range(10):
        for org in others:
            assert (await checks.authenticate(f"Bearer {text}", public("org", org))).org == org
    assert counting.calls == 1 + len(others)
    assert without_waiting(checks.authenticate(f"Bearer {text}", public("org", others[0]))).org == others[0]


async def test_last_use_is_written_in_one_go(office):
    org = await office.organization()
    made = [await office.key(org) for _ in range(3)]
    checks, counting = fresh(office, freshness=3600.0)
    for text, _ in made[:2]:
        for _ in range(5):
            await checks.authenticate(f"Bearer {text}")
    before = counting.calls
    await checks.flush_touches()
    await checks.flush_touches()
    assert counting.calls == before + 1
    used = dict(await office.admin.fetch("select id, last_used_at from hub.api_keys"))
    now = await office.admin.fetchval("select now()")
    assert [used[key] is not None for _, key in made] == [True, True, False]
    assert all(abs(now - used[key]) < timedelta(minutes=1) for _, key in made[:2])


async def test_last_use_waits_for_a_database_that_is_away(office):
    org = await office.organization()
    text, key = await office.key(org)
    checks, counting = fresh(office)
    await checks.authenticate(f"Bearer {text}")
    counting.away = True
    await checks.flush_touches()
    counting.away = False
    await checks.flush_touches()
    assert await office.admin.fetchval("select last_used_at from hub.api_keys where id = $1", key) is not None


async def test_refusals_of_one_caller_do_not_flood_the_log(office):
    org = await office.organization()
    text, _ = await office.key(org, "metrics:read")
    for _ in range(70):
        assert (await office.ask(text, "GET", "/v1/audit")).status == 403
    # Sixty at once, and one more for each second that this may have taken.
    assert 60 <= len(await office.audited(org, "access.refused")) < 70
