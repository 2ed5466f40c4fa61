"""A service account's tokens: used for half of their life, and made with keys that are some."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.webhooks.destinations.letters import NOW
from tests.webhooks.destinations.test_pubsub import pem, tokens
from worksphere_hub.clouds.credentials import ServiceAccount
from worksphere_hub.clouds.service_account import GoogleTokens, UnusableKey

__all__ = ["pem", "tokens"]


def test_a_token_is_kept_for_half_of_its_life_and_apart_by_audience(tokens):
    signed, _ = tokens
    begun = NOW.replace(minute=0, second=0)
    first = signed.token("a", begun)
    assert signed.token("a", begun + timedelta(minutes=29)) is first
    assert signed.token("a", begun + timedelta(minutes=31)) != first
    assert signed.token("b", begun) != first


EC = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", EC.decode()])
def test_a_key_that_is_none_is_refused_without_a_word_of_it(text):
    with pytest.raises(UnusableKey) as refused:
        GoogleTokens(ServiceAccount("e", "k", text))
    assert str(refused.value) == ""
