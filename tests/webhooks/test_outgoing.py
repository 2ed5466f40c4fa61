"""What a receiver gets, in every form an endpoint can ask for, checked by what receivers use to read it."""

import asyncio
import base64
import gzip
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey
from standardwebhooks import Webhook

from tests.webhooks.conftest import QUICK
from worksphere_hub.security.signing import verify
from worksphere_hub.security.signing_ed25519 import parse_public_key
from worksphere_hub.webhooks import endpoint_secrets, outgoing
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.receiver_auth import read_credentials


async def sent(engine, count=1, **settings):
    """Add an endpoint, publish once, answer the requests that arrived."""
    await engine.endpoint(settings.pop("path", "/ok"), **settings)
    async with engine.dispatching():
        await engine.publish(data=b'{"amount": 100, "city": "Kigali"}')
        await engine.until_settled()
    return (await engine.receiver.wait_for(count))[:count]


async def test_method_and_headers_are_the_endpoints(engine):
    (request,) = await sent(engine, method="PUT", headers={"X-Region": "eu-1", "X-Team": "billing"})
    assert request.method == "PUT"
    assert (request.headers["x-region"], request.headers["x-team"]) == ("eu-1", "billing")
    Webhook(engine.secret).verify(request.body, request.headers)
    (attempt,) = await engine.attempts()
    assert ["x-region", "eu-1"] in msgspec.json.decode(attempt["request_headers"])


async def test_a_thin_message_says_what_happened_and_where_to_look(engine):
    (request,) = await sent(engine, thin=True)
    payload = Webhook(engine.secret).verify(request.body, request.headers)
    assert payload["type"] == "invoice.paid"
    assert payload["data"] == {"id": request.headers["webhook-id"]}


async def test_a_transform_makes_the_body_and_the_signature_covers_it(engine):
    (request,) = await sent(engine, transform='{"text": data.city & " paid " & $string(data.amount)}')
    assert Webhook(engine.secret).verify(request.body, request.headers) == {"text": "Kigali paid 100"}


async def test_a_filter_keeps_away_what_is_not_wanted_and_says_so(engine):
    await engine.endpoint("/ok/big", filter="data.amount > 500")
    await engine.endpoint("/ok/small", filter="data.amount < 500")
    async with engine.dispatching():
        await engine.publish(data=b'{"amount": 100}')
        await engine.until_settled()
    assert [request.path for request in engine.receiver.requests] == ["/ok/small"]
    assert await engine.states() == {"delivered": 1, "filtered": 1}


async def test_an_expression_that_fails_is_its_own_deliverys_trouble_and_can_be_mended(engine):
    broken = await engine.endpoint("/ok/broken", transform="$uppercase(data.amount)")
    await engine.endpoint("/ok/fine")
    async with engine.dispatching(replace(QUICK, schedule=(0.1,) * 50)):
        await engine.publish(data=b'{"amount": 100}')
        await engine.until(
            "select count(*) > 1 from hub.webhook_event_logs where error_cause = 'transform_failed'", True
        )
        assert [request.path for request in engine.receiver.requests] == ["/ok/fine"]
        await engine.admin.execute(
            "update hub.webhook_endpoints set transform = '$string(data.amount)', updated_at = clock_timestamp()"
            " where id = $1",
            broken,
        )
        (mended,) = await engine.receiver.wait_for(1, path="/ok/broken")
        await engine.until_settled()
    assert mended.body == b'"100"'
    # Nothing was wrong with the receiver: its circuit knows nothing of it.
    assert await engine.admin.fetchval("select count(*) from hub.webhook_endpoint_gates") == 0


async def test_channels_reach_those_who_listen_and_those_without(engine):
    await engine.endpoint("/ok/all")
    await engine.endpoint("/ok/eu", channels=("eu", "ch"))
    await engine.endpoint("/ok/us", channels=("us",))
    async with engine.dispatching():
        await engine.publish(channels=["ch", "at"])
        await engine.publish()
        await engine.until_settled()
    assert sorted(request.path for request in engine.receiver.requests) == ["/ok/all", "/ok/all", "/ok/eu"]


async def test_a_compressed_body_is_signed_as_it_is_sent(engine):
    (request,) = await sent(engine, compression="gzip")
    assert request.headers["content-encoding"] == "gzip"
    verify(
        [base64.b64decode(engine.secret[6:])],
        request.headers,
        request.body,
        now=int(request.headers["webhook-timestamp"]),
    )
    assert msgspec.json.decode(gzip.decompress(request.body))["data"]["amount"] == 100


@pytest.mark.parametrize("key", [ECKey.generate_key("P-256"), OKPKey.generate_key("X25519"), RSAKey.generate_key(2048)])
async def test_a_body_can_be_for_the_receivers_eyes_only(engine, key):
    (request,) = await sent(engine, encryption_key={**key.as_dict(private=False), "kid": "mine"})
    assert request.headers["content-type"] == "application/jose"
    assert b"Kigali" not in request.body
    known = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]
    opened = jwe.decrypt_compact(request.body.decode(), key, algorithms=known)
    assert opened.headers()["kid"] == "mine"
    assert msgspec.json.decode(opened.plaintext)["data"]["city"] == "Kigali"
    assert b"Kigali" not in (await engine.attempts())[0]["request_headers"].encode()


async def test_messages_are_batched_by_number_and_by_time(engine):
    await engine.endpoint("/ok", batch_size=10, batch_wait_ms=200)
    accepted = await asyncio.gather(*(engine.publish(data=b'{"n":%d}' % number) for number in range(25)))
    async with engine.dispatching():
        await engine.until_settled()
    batches = [msgspec.json.decode(request.body) for request in engine.receiver.requests]
    assert sorted(len(batch) for batch in batches) == [5, 10, 10]
    assert sorted(message["id"] for batch in batches for message in batch) == sorted(one.id for one in accepted)
    for request in engine.receiver.requests:
        assert request.headers["webhook-id"].startswith("bat_")
        Webhook(engine.secret).verify(request.body, request.headers)
    attempts = await engine.attempts()
    assert len({row["id"] for row in attempts}) == 25
    assert {row["batch_id"] for row in attempts} == {
        request.headers["webhook-id"] for request in engine.receiver.requests
    }


async def test_a_batch_that_fails_is_tried_again_under_the_same_id(engine):
    await engine.endpoint("/flaky/1", batch_size=3, batch_wait_ms=50)
    for _ in range(3):
        await engine.publish()
    async with engine.dispatching():
        await engine.until_settled()
    first, second = engine.receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


async def test_ed25519_signatures_verify_with_the_public_key_alone(engine):
    endpoint = await engine.endpoint("/ok", signatures=("v1", "v1a"))
    public = await engine.admin.fetchval(
        "select public_key from hub.webhook_endpoint_secrets where endpoint_id = $1 and kind = 'v1a'", endpoint
    )
    async with engine.dispatching():
        await engine.publish()
        (request,) = await engine.receiver.wait_for(1)
        await engine.until_settled()
    now = int(request.headers["webhook-timestamp"])
    verify([], request.headers, request.body, now=now, public_keys=[parse_public_key(public)])
    Webhook(engine.secret).verify(request.body, request.headers)


async def test_while_a_secret_rotates_both_sign_and_then_only_the_new_one(engine):
    endpoint = await engine.endpoint("/ok")
    async with engine.dispatching():
        await engine.publish()
        await engine.receiver.wait_for(1)
        keys = await engine.rotate(endpoint, overlap=timedelta(hours=24))
        await engine.publish()
        both = (await engine.receiver.wait_for(2))[1]
        assert len(both.headers["webhook-signature"].split()) == 2
        Webhook(engine.secret).verify(both.body, both.headers)
        Webhook(keys.secret).verify(both.body, both.headers)
        newest = await engine.rotate(endpoint, overlap=timedelta(0))
        await engine.publish()
        last = (await engine.receiver.wait_for(3))[2]
        await engine.until_settled()
    assert len(last.headers["webhook-signature"].split()) == 1
    Webhook(newest.secret).verify(last.body, last.headers)
    with pytest.raises(Exception, match="signature"):
        Webhook(keys.secret).verify(last.body, last.headers)


async def test_a_key_whose_overlap_ends_stops_signing_without_any_change(engine):
    endpoint = await engine.endpoint("/ok")
    await engine.rotate(endpoint, overlap=timedelta(seconds=1.5))
    async with engine.dispatching():
        await engine.publish()
        (both,) = await engine.receiver.wait_for(1)
        assert len(both.headers["webhook-signature"].split()) == 2
        await engine.until("select bool_or(expires_at < now()) from hub.webhook_endpoint_secrets", True)
        await engine.publish()
        one = (await engine.receiver.wait_for(2))[1]
        await engine.until_settled()
    assert len(one.headers["webhook-signature"].split()) == 1


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
