"""What a receiver gets, in every form an endpoint can ask for, checked by what receivers use to read it."""

import base64
import gzip
from dataclasses import replace

import msgspec
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey
from standardwebhooks import Webhook

from tests.webhooks.conftest import QUICK
from worksphere_hub.security.signing import verify
from worksphere_hub.security.signing_ed25519 import parse_public_key


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
