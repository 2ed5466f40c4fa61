"""Creating, changing, moving and deleting sources; rotating their secrets."""

import hashlib
import hmac
import re
from dataclasses import replace

import pytest

from worksphere_hub import ids

SECRET = "a secret of many characters"
BODY = b'{"a":1}'


def github(secret: str, delivery: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": delivery}


def path_of(source, *more: str) -> str:
    return "/".join([f"/v1/inbound-sources/{source['id']}", *more])


async def refused(reception, **wanted) -> tuple[str, str]:
    """The code and the field at fault of a source that cannot be created."""
    whole = {"name": "x", "verification": {"scheme": "github"}, "event_type": "a.b"} | wanted
    answer = await reception.ask("POST", "/v1/inbound-sources", whole)
    assert answer.status == 422, answer.body
    problem = answer.json()
    return problem["code"], problem["errors"][0]["field"]


async def test_the_address_and_a_made_secret_are_shown_once_and_kept_as_digests(reception):
    source = await reception.source("github")
    assert re.fullmatch(r"https://hub\.example\.com/in/hub_in_[0-9A-Za-z]{43}", source["address"])
    assert len(source["secret"]) == 64
    shown = (await reception.ask("GET", path_of(source))).json()
    listed = (await reception.ask("GET", "/v1/inbound-sources")).json()["data"]
    assert listed == [shown]
    assert shown == {name: value for name, value in source.items() if name not in {"address", "secret"}}
    dump = str(await reception.admin.fetch("select * from hub.inbound_sources"))
    dump += str(await reception.admin.fetch("select * from hub.inbound_source_secrets"))
    dump += str(await reception.admin.fetch("select * from hub.audit_log"))
    token = source["address"].rpartition("/")[2]
    assert source["secret"] not in dump
    assert token not in dump
    assert await reception.admin.fetchval("select token_digest from hub.inbound_sources") == (
        hashlib.sha256(token.encode()).digest()
    )
    assert (await reception.send(source, BODY, github(source["secret"], "1"))).status == 200


@pytest.mark.parametrize(
    ("verification", "form"),
    [
        ({"scheme": "standard"}, r"whsec_[A-Za-z0-9+/]{43}="),
        ({"scheme": "hmac", "header": "X-Sig"}, r"[0-9a-f]{64}"),
        ({"scheme": "hmac", "header": "X-Sig", "key_encoding": "hex"}, r"[0-9a-f]{64}"),
        ({"scheme": "hmac", "header": "X-Sig", "key_encoding": "base64"}, r"[A-Za-z0-9+/]{43}="),
        ({"scheme": "basic", "username": "provider"}, r"[0-9a-f]{64}"),
        ({"scheme": "api_key", "header": "X-Key"}, r"[0-9a-f]{64}"),
    ],
)
async def test_secrets_the_hub_makes(reception, verification, form):
    source = await reception.source(verification)
    assert re.fullmatch(form, source["secret"])
    assert source["verification"]["scheme"] == verification["scheme"]


async def test_a_secret_that_is_given_is_not_shown(reception):
    assert (await reception.source("stripe", secret="whsec_" + "x" * 32))["secret"] is None


async def test_what_cannot_be_a_source_says_why(reception):
    for scheme in ("stripe", "slack", "zoom", "shopify", "twilio"):
        assert await refused(reception, verification={"scheme": scheme}) == ("invalid_inbound_source", "secret")
    for weak in ("", "short"):
        assert await refused(reception, secret=weak) == ("invalid_inbound_source", "secret")
    mtls = {"scheme": "mtls", "header": "X", "identities": ["abcd"]}
    assert await refused(reception, verification=mtls, secret=SECRET) == ("invalid_inbound_source", "secret")
    assert await refused(reception, event_type=None) == ("invalid_inbound_source", "event_type")
    for wrong in ("not a type", "hub.inbound.received"):
        assert await refused(reception, event_type=wrong) == ("invalid_inbound_source", "event_type")
    for where in ({"prefix": "a."}, {"prefix": "a.", "header": "X", "pointer": "/a"}):
        assert await refused(reception, event_type_from=where) == ("invalid_inbound_source", "event_type_from")
    where = {"prefix": "hub.", "header": "X"}
    assert await refused(reception, event_type_from=where) == ("invalid_inbound_source", "event_type_from.prefix")
    for given in ({"prefix": "", "header": "X"}, {"prefix": "a", "header": "X"}):
        assert (await refused(reception, event_type_from=given))[0] == "invalid_input"
    for name, value in (("size_limit", 0), ("size_limit", 2_000_000), ("tolerance", 0), ("rate_limit", 0), ("x", 1)):
        assert await refused(reception, **{name: value}) == ("invalid_input", name)
    for verification in ({"scheme": "nonsense"}, {}, {"scheme": "hmac"}, {"scheme": "github", "x": 1}):
        assert (await refused(reception, verification=verification))[0] == "invalid_input"


async def test_the_route_endpoint_needs_one_of_the_organizations_own(reception):
    mine = ids.encode("whe", await reception.endpoint())
    other_org, _ = await reception.organization()
    foreign = ids.new()
    await reception.admin.execute(
        "insert into hub.webhook_endpoints (org_id, id, url) values ($1, $2, 'https://x.example/')", other_org, foreign
    )
    for endpoint in (None, "whe_x", ids.encode("whe", ids.new()), ids.encode("whe", foreign)):
        found = await refused(reception, route="endpoint", endpoint_id=endpoint)
        assert found == ("invalid_inbound_source", "endpoint_id")
    assert await refused(reception, endpoint_id=mine) == ("invalid_inbound_source", "endpoint_id")
    assert (await reception.source("github", route="endpoint", endpoint_id=mine))["endpoint_id"] == mine


async def test_fields_change_alone_and_are_audited(reception):
    source = await reception.source("github")
    changed = (await reception.ask("PATCH", path_of(source), {"tolerance": 60, "name": "new"})).json()
    same = {"updated_at", "tolerance", "name"}
    assert {k: v for k, v in changed.items() if k not in same} == {
        k: v for k, v in source.items() if k not in same | {"address", "secret"}
    }
    assert (changed["tolerance"], changed["name"]) == (60, "new")
    entry = await reception.admin.fetchrow("select * from hub.audit_log where action = 'inbound_source.updated'")
    assert entry["target_id"] == source["id"]
    assert "tolerance" in str(entry["changes"])
    where = {"header": "X-GitHub-Event", "prefix": "github."}
    both = {"event_type": None, "event_type_from": where}
    assert (await reception.ask("PATCH", path_of(source), both)).json()["event_type"] is None
    assert (await reception.ask("PATCH", path_of(source), {"event_type_from": None})).status == 422
    assert (await reception.ask("PATCH", path_of(source), {"name": None})).status == 422
    assert (await reception.ask("PATCH", path_of(source), {"nonsense": 1})).status == 422


async def test_verification_changes_within_its_scheme(reception):
    source = await reception.source({"scheme": "hmac", "header": "X-Old"}, secret=SECRET)
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    verification = {"scheme": "hmac", "header": "X-New", "prefix": "p="}
    answer = await reception.ask("PATCH", path_of(source), {"verification": verification})
    assert answer.json()["verification"]["header"] == "X-New"
    assert (await reception.send(source, BODY, {"x-new": "p=" + digest})).status == 200
    assert (await reception.send(source, BODY, {"x-old": digest})).status == 401
    answer = await reception.ask("PATCH", path_of(source), {"verification": {"scheme": "github"}})
    assert answer.json()["errors"][0]["field"] == "verification.scheme"


async def test_a_new_address_replaces_the_old_one(reception):
    source = await reception.source("github", secret=SECRET)
    moved = (await reception.ask("POST", path_of(source, "rotate-token"))).json()
    assert moved["address"] != source["address"]
    assert (await reception.send(source, BODY, github(SECRET, "1"))).status == 404
    assert (await reception.send(moved, BODY, github(SECRET, "1"))).status == 200
    assert (
        await reception.admin.fetchval("select count(*) from hub.audit_log where action = 'inbound_source.moved'") == 1
    )


async def test_a_secret_is_rotated_with_overlap_or_without(reception):
    source = await reception.source("github", secret=SECRET)
    new = (await reception.ask("POST", path_of(source, "rotate-secret"), {})).json()["secret"]
    for number, secret in enumerate((SECRET, new)):
        assert (await reception.send(source, BODY, github(secret, f"a{number}"))).status == 200
    third = "the third secret of many"
    rotation = {"secret": third, "overlap_seconds": 0}
    assert (await reception.ask("POST", path_of(source, "rotate-secret"), rotation)).json() == {"secret": None}
    for secret, status in ((SECRET, 401), (new, 401), (third, 200)):
        assert (await reception.send(source, BODY, github(secret, "b"))).status == status
    assert await reception.processor().sweep() == 2
    assert await reception.admin.fetchval("select count(*) from hub.inbound_source_secrets") == 1


async def test_a_rotation_does_not_lengthen_an_earlier_overlap(reception):
    source = await reception.source("github", secret=SECRET)
    await reception.ask("POST", path_of(source, "rotate-secret"), {"overlap_seconds": 10})
    await reception.ask("POST", path_of(source, "rotate-secret"), {"overlap_seconds": 1000})
    rows = await reception.admin.fetch(
        "select extract(epoch from expires_at - now())::int as left from hub.inbound_source_secrets order by id"
    )
    first, second, third = (row["left"] for row in rows)
    assert first <= 10 < second <= 1000
    assert third is None


async def test_a_certificates_source_has_no_secret_to_rotate(reception):
    source = await reception.source({"scheme": "mtls", "header": "X", "identities": ["abcd"]})
    assert (await reception.ask("POST", path_of(source, "rotate-secret"), {})).status == 422


async def test_a_source_that_is_deleted_takes_its_secrets_along(reception):
    source = await reception.source("github", secret=SECRET)
    assert (await reception.ask("DELETE", path_of(source))).status == 204
    assert (await reception.send(source, BODY, github(SECRET, "1"))).status == 404
    assert (await reception.ask("GET", path_of(source))).status == 404
    assert await reception.admin.fetchval("select count(*) from hub.inbound_source_secrets") == 0


async def test_there_are_only_so_many(reception):
    reception.settings = replace(reception.settings, source_limit=1)
    await reception.source("github")
    wanted = {"name": "x", "verification": {"scheme": "github"}, "event_type": "a.b"}
    answer = await reception.ask("POST", "/v1/inbound-sources", wanted)
    assert (answer.status, answer.json()["code"]) == (409, "too_many_inbound_sources")


async def test_asking_twice_under_one_key_makes_one_source(reception):
    wanted = {"name": "x", "verification": {"scheme": "github"}, "event_type": "a.b"}
    answers = [await reception.ask("POST", "/v1/inbound-sources", wanted, idempotency_key="k-1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert await reception.admin.fetchval("select count(*) from hub.inbound_sources") == 1


async def test_a_source_that_is_set_up_for_an_instance_goes_with_it(reception):
    integration, instance = ids.new(), ids.new()
    await reception.admin.execute(
        "insert into hub.integrations (org_id, id, slug, version, name, category, manifest, manifest_digest)"
        " values ($1, $2, 'chat', '1.0.0', 'Chat', 'communication', '{}', sha256('x'))",
        reception.org, integration,
    )  # fmt: skip
    await reception.admin.execute(
        "insert into hub.integration_instances (org_id, id, integration_org_id, integration_id, name)"
        " values ($1, $2, $1, $3, 'Chat')",
        reception.org, instance, integration,
    )  # fmt: skip
    named = ids.encode("inst", instance)
    made = await reception.source("github", instance_id=named)
    assert made["instance_id"] == named
    # Another organization's instance is none, like one that never was.
    _, stranger = await reception.organization()
    wanted = {"name": "x", "verification": {"scheme": "github"}, "event_type": "a.b"}
    for key, given in ((stranger, named), (None, ids.encode("inst", ids.new())), (None, "inst_x")):
        answer = await reception.ask("POST", "/v1/inbound-sources", {**wanted, "instance_id": given}, key)
        assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "instance_id")
    await reception.admin.execute("delete from hub.integration_instances where id = $1", instance)
    assert (await reception.ask("GET", f"/v1/inbound-sources/{made['id']}")).status == 404
