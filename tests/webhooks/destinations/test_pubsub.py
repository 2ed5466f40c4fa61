"""Pub/Sub: what is published is as Google describes its API, with a token that Google's own library takes."""

import base64
import json
from pathlib import Path

import googleapiclient
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from tests.webhooks.destinations.letters import BODY, HEADERS, NOW, letter
from worksphere_hub.clouds.credentials import ServiceAccount
from worksphere_hub.clouds.service_account import GoogleTokens
from worksphere_hub.webhooks.destinations.destination import Judgement
from worksphere_hub.webhooks.destinations.pubsub import PubSub

DESCRIPTION = json.loads(
    (Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "pubsub.v1.json").read_text()
)
TOPIC = PubSub(topic="projects/acme/topics/orders")


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def pem():
    """The private key of a service account."""
    return KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def tokens(pem):
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return GoogleTokens(ServiceAccount("hub@acme.iam.example", "kid-1", pem)), public


def fits(value, schema, path="$"):
    """A value against a schema of a discovery document: nothing unknown, and of the type that it says."""
    if "$ref" in schema:
        schema = DESCRIPTION["schemas"][schema["$ref"]]
    if schema["type"] == "object" and "properties" in schema:
        for name, inner in value.items():
            assert name in schema["properties"], f"{path}.{name}"
            assert not schema["properties"][name].get("readOnly"), f"{path}.{name}"
            fits(inner, schema["properties"][name], f"{path}.{name}")
    elif schema["type"] == "object":
        for name, inner in value.items():
            fits(inner, schema["additionalProperties"], f"{path}.{name}")
    elif schema["type"] == "array":
        for inner in value:
            fits(inner, schema["items"], f"{path}[]")
    else:
        assert isinstance(value, {"string": str, "integer": int, "boolean": bool}[schema["type"]]), path


def test_a_message_is_published_as_google_describes_it(tokens):
    made = TOPIC.request(letter("customer 7"), tokens[0], NOW)
    method = DESCRIPTION["resources"]["projects"]["resources"]["topics"]["methods"]["publish"]
    assert made.method == method["httpMethod"]
    assert made.url == DESCRIPTION["rootUrl"] + method["path"].replace("{+topic}", TOPIC.topic)
    body = json.loads(made.body)
    fits(body, method["request"])
    (message,) = body["messages"]
    assert (base64.b64decode(message["data"]), message["attributes"]) == (BODY, HEADERS)
    assert message["orderingKey"] == "customer 7"
    assert "orderingKey" not in json.loads(TOPIC.request(letter(), tokens[0], NOW).body)["messages"][0]


def test_its_token_is_one_that_google_takes(tokens, monkeypatch):
    monkeypatch.setattr("google.auth._helpers.utcnow", lambda: NOW.replace(tzinfo=None))
    signed, public = tokens
    header = TOPIC.request(letter(), signed, NOW).headers["authorization"]
    claims = jwt.decode(header.removeprefix("Bearer "), certs={"kid-1": public}, audience=DESCRIPTION["rootUrl"])
    assert claims["iss"] == claims["sub"] == "hub@acme.iam.example"
    assert claims["exp"] - claims["iat"] == 3600


def test_a_regional_host_is_asked_with_a_token_for_the_service(tokens):
    regional = PubSub(topic=TOPIC.topic, endpoint_url="https://europe-west1-pubsub.googleapis.com")
    made, same = regional.request(letter(), tokens[0], NOW), TOPIC.request(letter(), tokens[0], NOW)
    assert made.url.startswith("https://europe-west1-pubsub.googleapis.com/v1/projects/acme/topics/orders:publish")
    assert made.headers["authorization"] == same.headers["authorization"]


@pytest.mark.parametrize(
    ("status", "body", "judgement"),
    [
        (200, {"messageIds": ["1"]}, Judgement(200)),
        (404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "topic"}}, Judgement(404, "NOT_FOUND")),
        (429, {"error": {"status": "RESOURCE_EXHAUSTED"}}, Judgement(429, "RESOURCE_EXHAUSTED")),
        (503, {"error": "unavailable"}, Judgement(503)),
    ],
)
def test_what_an_answer_means(status, body, judgement):
    assert TOPIC.judge(status, json.dumps(body).encode()) == judgement
