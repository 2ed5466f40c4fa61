"""Only the receiver reads an encrypted body, and no key that would not keep it so is taken."""

import base64
import warnings

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from worksphere_hub.security.encrypted_body import ReceiverKeyRefused, encrypt, read_receiver_key

RSA = RSAKey.generate_key(2048)
with warnings.catch_warnings(action="ignore"):
    SHORT = RSAKey.generate_key(1024).as_dict(private=False)
KNOWN = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]


@pytest.mark.parametrize(
    "key", [RSA, *(ECKey.generate_key(curve) for curve in ("P-256", "P-384", "P-521")), OKPKey.generate_key("X25519")]
)
def test_the_receiver_reads_it(key):
    sealed = encrypt(read_receiver_key({**key.as_dict(private=False), "kid": "k1"}), b'{"a": 1}')
    opened = jwe.decrypt_compact(sealed.decode(), key, algorithms=KNOWN)
    assert opened.plaintext == b'{"a": 1}'
    assert (opened.headers()["kid"], opened.headers()["cty"]) == ("k1", "application/json")


def test_it_is_the_standard_and_not_one_librarys_idea_of_it():
    sealed = encrypt(read_receiver_key(RSA.as_dict(private=False)), b"secret")
    header, wrapped, nonce, text, tag = sealed.split(b".")

    def raw(part):
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))

    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    content_key = RSA.private_key.decrypt(raw(wrapped), oaep)
    assert AESGCM(content_key).decrypt(raw(nonce), raw(text) + raw(tag), header) == b"secret"


def test_the_same_body_is_never_sealed_alike():
    key = read_receiver_key(RSA.as_dict(private=False))
    assert encrypt(key, b"x") != encrypt(key, b"x")


@pytest.mark.parametrize(
    ("jwk", "said"),
    [
        ({}, "no usable JWK"),
        ({"kty": "RSA"}, "no usable JWK"),
        (RSA.as_dict(private=True), "private"),
        (OctKey.generate_key(256).as_dict(private=True), "secret"),
        (SHORT, "2048"),
        (ECKey.generate_key("secp256k1").as_dict(private=False), "P-256"),
        (OKPKey.generate_key("Ed25519").as_dict(private=False), "X25519"),
        ({**RSA.as_dict(private=False), "use": "sig"}, "use"),
        ({**RSA.as_dict(private=False), "kid": 7}, "kid"),
        ({**RSA.as_dict(private=False), "kid": "k" * 201}, "kid"),
    ],
)
def test_a_key_that_would_not_keep_it_secret_is_refused(jwk, said):
    with pytest.raises(ReceiverKeyRefused, match=said):
        read_receiver_key(jwk)
