"""Signed JWTs: tests/connections/test_token_request.py decodes them; here what each one has for itself."""

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.connections.test_token_request import EC, pem
from worksphere_hub.connections.assertion import sign
from worksphere_hub.sdk.manifest.auth import Assertion


def test_no_two_are_alike():
    declared = Assertion(algorithm="ES256", claims={"iss": "me"}, lifetime_seconds=60)
    values = {"credential": {"private_key": pem(EC)}}
    first, second = (sign(declared, values, 1_000.0) for _ in range(2))
    claims = [jwt.decode(each, ECKey.import_key(pem(EC)), algorithms=["ES256"]).claims for each in (first, second)]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert (claims[0]["iat"], claims[0]["exp"]) == (1_000, 1_060)
