"""Signing keys change without a message that cannot be verified."""

from datetime import timedelta

import pytest
from standardwebhooks import Webhook


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
