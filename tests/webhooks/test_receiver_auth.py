"""The hub shows a receiver who it is, and writes down nowhere how."""

import base64

import msgspec
import pytest

from worksphere_hub.webhooks import endpoint_secrets, outgoing
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.receiver_auth import read_credentials


async def auth(engine, credentials, **settings):
    endpoint = await engine.endpoint(settings.pop("path", "/ok"), **settings)
    sealed = await endpoint_secrets.seal_credentials(engine.vault, engine.org, read_credentials(credentials))
    async with engine.app.tenant(engine.org) as tx:
        await endpoint_secrets.put(tx, engine.org, endpoint, sealed)
    return endpoint


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        ({"type": "basic", "username": "hub", "password": "pass:wörd"}, "Basic aHViOnBhc3M6d8O2cmQ="),
        ({"type": "bearer", "token": "tok-1"}, "Bearer tok-1"),
    ],
)
async def test_the_hub_shows_who_it_is_and_writes_it_down_nowhere(engine, credentials, header):
    await auth(engine, credentials)
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    assert engine.receiver.requests[0].headers["authorization"] == header
    (attempt,) = await engine.attempts()
    assert ["authorization", outgoing.REDACTED] in msgspec.json.decode(attempt["request_headers"])
    assert "tok-1" not in attempt["request_headers"]


async def test_oauth2_tokens_are_fetched_kept_and_fetched_anew_when_refused(engine):
    tokens = engine.receiver.tokens
    await auth(
        engine,
        {
            "type": "oauth2",
            "token_url": engine.receiver.url("/token"),
            "client_id": "hub id",
            "client_secret": "s3cret&",
            "scope": "events:write",
        },
        path="/bearer",
    )
    async with engine.dispatching():
        for _ in range(5):
            await engine.publish()
        await engine.until_settled()
        assert len(tokens) == 1
        asked = next(request for request in engine.receiver.requests if request.path == "/token")
        assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"hub+id:s3cret%26").decode()
        assert asked.body == b"grant_type=client_credentials&scope=events%3Awrite"
        tokens[0] = "revoked"
        await engine.publish()
        await engine.until_settled()
    assert await engine.states() == {"delivered": 6}
    assert len(tokens) == 2
    rows = await engine.attempts()
    assert [row["status"] for row in rows].count(401) == 1


async def test_a_token_that_cannot_be_had_is_recorded_and_does_not_blame_the_receiver(engine):
    await auth(
        engine,
        {
            "type": "oauth2",
            "token_url": engine.receiver.url("/status/400"),
            "client_id": "a",
            "client_secret": "b",
        },
    )
    async with engine.dispatching():
        await engine.publish()
        await engine.until_settled()
    rows = await engine.attempts()
    assert {row["error_cause"] for row in rows} == {"auth_failed"}
    assert "400" in rows[0]["error_detail"]
    assert await engine.admin.fetchval("select count(*) from hub.webhook_endpoint_gates") == 0


def test_credentials_of_no_known_kind_are_refused_by_name():
    for raw in ({}, {"type": "magic"}, {"type": "basic", "username": "a:b", "password": ""}, {"type": "bearer"}):
        with pytest.raises(InvalidEndpoint, match="auth"):
            read_credentials(raw)
    with pytest.raises(InvalidEndpoint):
        read_credentials({"type": "bearer", "token": "a\r\nb"})
