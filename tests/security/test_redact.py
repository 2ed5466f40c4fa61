import copy
import json
import pickle

import msgspec
import pytest

from worksphere_hub.security import signing, tokens
from worksphere_hub.security.redact import REDACTED, Secret, redact_fields, redact_headers, redact_text

CANARY = "canaryV4lue9317"


def test_a_secret_prints_nowhere():
    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>3}",
        repr([secret]),
    ]
    shown += [repr({"a": secret}), "".join([f"{secret}"]), str(ValueError(secret))]
    assert not [text for text in shown if CANARY in text]
    assert secret.reveal() == CANARY
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    "leak", [pickle.dumps, json.dumps, msgspec.json.encode, "".join, lambda s: s + "", "{}{}".join]
)
def test_a_secret_cannot_be_serialised_or_joined(leak):
    with pytest.raises(TypeError):
        leak([Secret(CANARY), Secret(CANARY)] if leak is not pickle.dumps else Secret(CANARY))


def test_secrets_compare_by_value_and_copy_as_themselves():
    secret = Secret(CANARY)
    assert secret == Secret(CANARY)
    assert hash(secret) == hash(Secret(CANARY))
    assert secret != Secret("other")
    assert secret != CANARY
    assert secret
    assert not Secret("")
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


@pytest.mark.parametrize(
    "text",
    [
        tokens.mint_api_key(bytes(16)).text.reveal(),
        tokens.mint_token("hub_ses_").text.reveal(),
        signing.new_secret(),
        f"Bearer {CANARY}",
        f"authorization: bearer {CANARY}",
        f"Authorization: Basic {CANARY}",
        f'"authorization": "Token {CANARY}"',
        f"Authorization={CANARY}",
        f"https://user:{CANARY}@example.com/x",
        f"https://{CANARY}@example.com",
        f"https://user:p@ss@{CANARY}@example.com",
        f"postgresql://hub:{CANARY}@db:5432/hub?sslmode=require",
        f"host=db password={CANARY} user=hub",
        f"password='two \\' words {CANARY}' user=hub",
        f"PGPASSWORD={CANARY}",
        f"https://example.com/?a=1&access_token={CANARY}&b=2",
        f"https://example.com/?api_key={CANARY}#x",
        f'{{"client_secret": "{CANARY}", "a": 1}}',
        f'{{"client_secret":"quo\\"te{CANARY}"}}',
        f"{{'refresh_token': '{CANARY}'}}",
        f"x-api-key: {CANARY}",
        f"eyJhbGciOiJub25lIn0.{CANARY}.{CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----{CANARY}",
    ],
    # A fresh secret in a name would make each run's tests others.
    ids=range(24),
)
def test_secrets_in_a_text_are_replaced(text):
    redacted = redact_text(f"before {text} after")
    assert REDACTED in redacted
    assert redacted.startswith("before ")
    hidden = text.rpartition("_")[2] if CANARY not in text else CANARY
    assert hidden not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET https://example.com/hooks?page=2 answered 503 in 12 ms",
        "the token expired",
        "password too short: give at least 10 characters",
        "event evt_0198f0c0a1b2c3d4e5f60718293a4b5c delivered",
        "contact user@example.com",
        "basic information about tokens",
        "hub_live is a prefix",
    ],
)
def test_harmless_text_stays_as_it_is(text):
    assert redact_text(text) == text


def test_headers_by_name_and_by_value():
    headers = {
        "Authorization": CANARY,
        "proxy-authorization": CANARY,
        "Cookie": CANARY,
        "Set-Cookie": CANARY,
        "X-API-Key": CANARY,
        "X-Auth-Token": CANARY,
        "webhook-signature": CANARY,
        "X-Note": f"Bearer {CANARY}",
        "webhook-id": "evt_1",
        "Content-Type": "application/json",
    }
    redacted = redact_headers(headers)
    assert CANARY not in str(redacted)
    assert list(redacted) == list(headers)
    assert redacted["webhook-id"] == "evt_1"
    assert redacted["Content-Type"] == "application/json"


def test_fields_however_deep():
    fields = {
        "password": CANARY,
        "db": {
            "DATABASE_URL": CANARY,
            "pool": 5,
            "list": [{"apiKey": CANARY}, f"Bearer {CANARY}", (CANARY * 0,)],
        },
        "client-secret": [CANARY],
        "access.token": {"value": CANARY},
        "wrapped": Secret(CANARY),
        "raw": CANARY.encode(),
        "error": ValueError(f"password={CANARY}"),
        f"token={CANARY}": 1,
        "has_secret": True,
        "secret": None,
        "attempt": 3,
        "took": 0.5,
        "event": "delivery.attempted",
    }
    redacted = redact_fields(fields)
    assert CANARY not in str(redacted)
    assert redacted["has_secret"] is True
    assert redacted["secret"] is None
    assert (redacted["attempt"], redacted["took"], redacted["event"]) == (3, 0.5, "delivery.attempted")
    assert redacted["raw"] == f"[{len(CANARY)} bytes]"
    assert redacted["db"]["pool"] == 5


def test_a_record_without_end_is_cut():
    endless: dict[str, object] = {}
    endless["more"] = endless
    assert "[too deep]" in str(redact_fields(endless))


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ-",
        "eyJa.",
        "://",
        "bearer ",
        "a.",
        "password",
        "token=",
        "secret='",
        "-----BEGIN ",
        "hub_live_",
        '"\\',
    ],
)
@pytest.mark.timeout(60)
def test_hostile_text_costs_no_more_than_its_length(piece):
    # A pattern that went back to every start would need hours for this; the time limit is what fails then.
    assert redact_text(piece * 300_000)
