"""The connectors for anything, through the hub: an API and a receiver that are described in settings."""

import hashlib
import hmac
import json

from tests.connections.conftest import Desk
from tests.connections.test_direct_api import listed

STREAM = {"call": {"path": "/things", "query": {"kind": "round"}}, "records": "items", "primary_key": ["id"]}


async def connected(desk: Desk, slug, settings, **given):
    operator, integration = await listed(desk, slug)
    return await desk.connection(await desk.instance(integration, operator, settings=settings), **given)


async def test_any_api_is_tested_called_and_read_by_its_settings(desk):
    desk.authority.keys = {"k1"}
    settings = {"base_url": f"{desk.authority.base}/v1", "check_path": "me", "streams": {"things": STREAM}}
    connection = await connected(desk, "rest-api", settings, auth_method="key", credential={"key": "k1"})
    tested = await desk.ask("POST", f"/v1/connections/{connection['id']}/test")
    assert tested.json()["outcome"] == "healthy"
    path = f"/v1/connections/{connection['id']}"
    answer = await desk.ask("POST", f"{path}/actions/post", {"input": {"path": "/things", "body": {"a": 1}}})
    assert answer.json()["result"]["status"] == 200
    assert json.loads(desk.authority.api[-1]["body"]) == {"a": 1}
    assert desk.authority.api[-1]["headers"]["x-api-key"] == "k1"
    streams = (await desk.ask("GET", f"{path}/streams")).json()["data"]
    assert [each["name"] for each in streams] == ["things"]
    assert (await desk.ask("POST", f"{path}/streams/things/sample", {})).status == 200
    assert "kind=round" in desk.authority.api[-1]["query"]


async def test_a_path_that_climbs_and_an_address_elsewhere_get_no_credential(desk):
    desk.authority.keys = {"k1"}
    settings = {"base_url": f"{desk.authority.base}/v1", "check_path": ""}
    connection = await connected(desk, "rest-api", settings, auth_method="key", credential={"key": "k1"})
    for path in ("/../admin", "/%2e%2e/admin", "//evil.example/x"):
        before = len(desk.authority.api)
        answer = await desk.ask("POST", f"/v1/connections/{connection['id']}/actions/get", {"input": {"path": path}})
        assert answer.status >= 400 or desk.authority.api[-1]["path"].startswith("/v1/"), path
        assert len(desk.authority.api) <= before + 1


async def test_a_message_is_signed_over_what_was_sent(desk):
    desk.authority.keys = {"x"}
    settings = {"url": f"{desk.authority.base}/v1/hook?team=7"}
    secret = "a secret of the receiver"
    connection = await connected(desk, "webhook", settings, auth_method="signed", credential={"secret": secret})
    given = {"type": "order.paid", "data": {"n": 1}, "id": "o-1"}
    await desk.ask("POST", f"/v1/connections/{connection['id']}/actions/send", {"input": given})
    seen = desk.authority.api[-1]
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/v1/hook", "team=7")
    stamp, _, value = seen["headers"]["x-webhook-signature"].removeprefix("t=").partition(",v1=")
    body = seen["body"] if isinstance(seen["body"], bytes) else seen["body"].encode()
    wanted = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    assert value == wanted.hexdigest()
    assert json.loads(body) == given
