"""What goes to a token endpoint."""

import base64
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.connections.manifests import oauth
from worksphere_hub.connections.errors import CredentialUnusable, InvalidConnection
from worksphere_hub.connections.token_request import Asking, Client, Post

SECRET = "s3cr:t/+ %"


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def asking(client: Client | None = None, values=None, **given) -> Asking:
    return Asking(oauth(**given), client or Client("the client", SECRET), values or {}, 1_700_000_000.0)


def form(post: Post) -> dict[str, str]:
    pairs = parse_qsl(post.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_a_code_with_the_client_in_the_header():
    post = asking().redeem("the-code", "the-verifier", "https://hub/cb")
    assert post.url == "https://login.example.com/token"
    assert form(post) == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": "https://hub/cb",
        "code_verifier": "the-verifier",
    }
    pair = base64.b64decode(post.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "the+client:s3cr%3At%2F%2B+%25"
    assert SECRET not in repr(post)
    assert "s3cr" not in repr(post)
    assert "s3cr" not in repr(asking().client)


def test_the_client_in_the_body_and_the_client_without_secret():
    found = form(asking(client_authentication="post").redeem("c", "v", "r"))
    assert (found["client_id"], found["client_secret"]) == ("the client", SECRET)
    for post in (
        asking(client_authentication="none").redeem("c", "v", "r"),
        asking(Client("the client")).redeem("c", "v", "r"),
    ):
        assert "authorization" not in post.headers
        assert form(post)["client_id"] == "the client"
        assert "client_secret" not in form(post)


def test_a_refresh_says_the_scopes_only_where_it_must_and_never_a_redirect_uri():
    assert form(asking().renew("r", ["read"])) == {"grant_type": "refresh_token", "refresh_token": "r"}
    post = asking(
        scope_on_refresh=True,
        scope_separator=",",
        refresh_url="https://login.example.com/refresh",
        refresh_parameters={"account": "${settings.account}", "grant_type": "evil"},
        values={"settings": {"account": "7"}},
    ).renew("r", ["read", "write"])
    assert post.url == "https://login.example.com/refresh"
    assert form(post) == {"account": "7", "grant_type": "refresh_token", "refresh_token": "r", "scope": "read,write"}


def test_client_credentials_with_a_word_of_the_providers_own():
    post = asking(
        grant="client_credentials",
        grant_type="account_credentials",
        token_parameters={"account_id": "${credential.account_id}"},
        values={"credential": {"account_id": "acc"}},
    ).obtain([])
    assert form(post) == {"grant_type": "account_credentials", "account_id": "acc"}


@pytest.mark.parametrize(("algorithm", "key", "kind"), [("RS256", RSA, RSAKey), ("ES256", EC, ECKey)])
def test_an_assertion_is_signed_and_short_lived(algorithm, key, kind):
    text = pem(key).replace("\n", "\\n")
    post = asking(
        grant="jwt_bearer",
        assertion={
            "algorithm": algorithm,
            "claims": {"iss": "${credential.email}", "aud": "https://login.example.com/token"},
            "key_id": "${credential.key_id}",
        },
        values={"credential": {"email": "a@b", "private_key": text, "key_id": "k1"}},
    ).obtain(["read"])
    sent = form(post)
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    token = jwt.decode(sent["assertion"], kind.import_key(pem(key)), algorithms=[algorithm])
    assert token.header["kid"] == "k1"
    claims = token.claims
    assert (claims["iss"], claims["exp"] - claims["iat"]) == ("a@b", 180)
    assert "private" not in repr(post)


def test_a_key_that_cannot_sign_is_said_so_without_a_word_of_it():
    for text in ("nonsense-key", pem(EC)):
        with pytest.raises(CredentialUnusable) as refused:
            asking(grant="jwt_bearer", assertion={"claims": {}}, values={"credential": {"private_key": text}}).obtain(
                []
            )
        assert text[:20] not in str(refused.value)
    with pytest.raises(InvalidConnection):
        asking(grant="jwt_bearer").obtain([])


def test_a_client_that_signs():
    client = Client("the-client", private_key=pem(RSA), key_id="k2")
    post = asking(client, client_authentication="private_key_jwt").redeem("c", "v", "r")
    sent = form(post)
    assert sent["client_assertion_type"].endswith("client-assertion-type:jwt-bearer")
    token = jwt.decode(sent["client_assertion"], RSAKey.import_key(pem(RSA)), algorithms=["RS256"])
    assert (token.header["kid"], token.claims["iss"], token.claims["sub"]) == ("k2", "the-client", "the-client")
    assert token.claims["aud"] == "https://login.example.com/token"


def test_devices():
    given = {"grant": "device_code", "device_url": "https://login.example.com/device"}
    assert form(asking(**given).begin_device(["read"])) == {"scope": "read", "client_id": "the client"}
    found = form(asking(**given).poll_device("dev"))
    assert (found["grant_type"], found["device_code"]) == ("urn:ietf:params:oauth:grant-type:device_code", "dev")
    with pytest.raises(InvalidConnection):
        asking().begin_device([])


def test_giving_back():
    assert asking().revoke("t", "refresh_token") is None
    post = asking(revoke_url="https://login.example.com/revoke").revoke("t", "refresh_token")
    assert post is not None
    assert form(post) == {"token": "t", "token_type_hint": "refresh_token"}
    assert "authorization" in post.headers
