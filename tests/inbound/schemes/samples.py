"""One signed request for every scheme, signed by the provider's own library where there is one."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import standardwebhooks
import stripe
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from slack_sdk.signature import Clock, SignatureVerifier

from worksphere_hub.inbound.schemes.catalogue import Verification, scheme_of
from worksphere_hub.inbound.schemes.scheme import Received

NOW = 1_760_000_000
URL = "https://hub.example.com/in/hub_in_x"
BODY = b'{"id":"evt_1","type":"invoice.paid","event_id":"Ev1","event":"meeting.ended","event_ts":1760000000123}'
FORM = b"MessageSid=SM1&Body=Hello%20there&From=%2B15005550006"

WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WHPK = "whpk_" + base64.b64encode(ED25519.public_key().public_bytes_raw()).decode()
SECRET = "a secret of many characters"


@dataclass(frozen=True)
class Sample:
    """A request, what it is verified with, and which of its headers carry the proof."""

    name: str
    scheme: Verification
    secrets: tuple[str, ...]
    received: Received
    proof: tuple[str, ...]
    covers_body: bool = True
    timed: bool = False


class _FixedClock(Clock):
    def now(self) -> float:
        return NOW


def received(body: bytes, headers: dict[str, str], **more) -> Received:
    pairs = tuple((name.lower(), value) for name, value in headers.items())
    return Received(
        **({"method": "POST", "urls": (URL,), "query": "", "now": float(NOW)} | more), headers=pairs, body=body
    )


def with_header(sample: Sample, name: str, value: str | None) -> Received:
    """The request with a header changed, or without it."""
    pairs = [(key, old) for key, old in sample.received.headers if key != name]
    return replace(sample.received, headers=tuple(pairs + ([] if value is None else [(name, value)])))


def standard(body: bytes = BODY) -> Sample:
    signer = standardwebhooks.Webhook(WHSEC)
    signature = (
        signer.sign("msg_1", datetime.fromtimestamp(NOW, UTC), body.decode("latin-1")) if body.isascii() else None
    )
    if signature is None:  # the library signs text only
        content = b"msg_1.%d.%s" % (NOW, body)
        signature = "v1," + base64.b64encode(hmac.digest(bytes(range(32)), content, "sha256")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": signature}
    return Sample("standard", scheme_of("standard", {}), (WHSEC,), received(body, headers), tuple(headers), timed=True)


def standard_asymmetric(body: bytes = BODY) -> Sample:
    signature = base64.b64encode(ED25519.sign(b"msg_1.%d.%s" % (NOW, body))).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1a,{signature}"}
    return Sample(
        "standard v1a", scheme_of("standard", {}), (WHPK,), received(body, headers), tuple(headers), timed=True
    )


def github(body: bytes = BODY) -> Sample:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": signature, "x-github-delivery": "d-1", "x-github-event": "push"}
    return Sample("github", scheme_of("github", {}), (SECRET,), received(body, headers), ("x-hub-signature-256",))


def stripe_sample(body: bytes = BODY) -> Sample:
    sign = stripe.WebhookSignature._compute_signature
    if body.isascii():
        signature = sign(f"{NOW}.{body.decode()}", SECRET)
    else:
        signature = hmac.new(SECRET.encode(), b"%d.%s" % (NOW, body), hashlib.sha256).hexdigest()
    headers = {"stripe-signature": f"t={NOW},v1={signature}"}
    return Sample("stripe", scheme_of("stripe", {}), (SECRET,), received(body, headers), tuple(headers), timed=True)


def slack(body: bytes = BODY) -> Sample:
    if body.isascii():
        signature = SignatureVerifier(SECRET, _FixedClock()).generate_signature(timestamp=str(NOW), body=body)
        assert signature is not None
    else:  # the library signs text only
        signature = "v0=" + hmac.new(SECRET.encode(), b"v0:%d:%s" % (NOW, body), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": str(NOW), "x-slack-signature": signature}
    return Sample("slack", scheme_of("slack", {}), (SECRET,), received(body, headers), tuple(headers), timed=True)


def zoom(body: bytes = BODY) -> Sample:
    signature = "v0=" + hmac.new(SECRET.encode(), b"v0:%d:%s" % (NOW, body), hashlib.sha256).hexdigest()
    headers = {"x-zm-request-timestamp": str(NOW), "x-zm-signature": signature}
    return Sample("zoom", scheme_of("zoom", {}), (SECRET,), received(body, headers), tuple(headers), timed=True)


def shopify(body: bytes = BODY) -> Sample:
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"x-shopify-hmac-sha256": signature, "x-shopify-event-id": "e-1", "x-shopify-topic": "orders/create"}
    return Sample("shopify", scheme_of("shopify", {}), (SECRET,), received(body, headers), ("x-shopify-hmac-sha256",))


def twilio_json(body: bytes = BODY) -> Sample:
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    url = f"{URL}?{query}"
    signature = base64.b64encode(hmac.new(SECRET.encode(), url.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": signature, "content-type": "application/json"}
    request = received(body, headers, urls=(url,), query=query)
    return Sample("twilio json", scheme_of("twilio", {}), (SECRET,), request, ("x-twilio-signature",))


def twilio_form() -> Sample:
    content = URL + "BodyHello there" + "From+15005550006" + "MessageSidSM1"
    signature = base64.b64encode(hmac.new(SECRET.encode(), content.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    request = received(FORM, headers)
    return Sample(
        "twilio form", scheme_of("twilio", {}), (SECRET,), request, ("x-twilio-signature",), covers_body=False
    )


def generic(body: bytes = BODY) -> Sample:
    config = {
        "header": "X-Sig", "prefix": "v1:", "encoding": "base64", "algorithm": "sha512",
        "timestamp_header": "X-Time", "timestamp_unit": "milliseconds", "template": "{timestamp}.{id}.{body}",
        "id_header": "X-Id",
    }  # fmt: skip
    stamp = f"{NOW}123"
    content = b"%s.id-1.%s" % (stamp.encode(), body)
    signature = base64.b64encode(hmac.new(SECRET.encode(), content, hashlib.sha512).digest()).decode()
    headers = {"x-sig": f"v1:{signature}", "x-time": stamp, "x-id": "id-1"}
    return Sample(
        "hmac timed", scheme_of("hmac", config), (SECRET,), received(body, headers), tuple(headers), timed=True
    )


def plain(body: bytes = BODY) -> Sample:
    config = {"header": "X-Sig", "algorithm": "sha1", "key_encoding": "hex", "id_pointer": "/id"}
    signature = hmac.new(bytes(range(20)), body, hashlib.sha1).hexdigest()
    request = received(body, {"x-sig": signature})
    return Sample("hmac plain", scheme_of("hmac", config), (bytes(range(20)).hex(),), request, ("x-sig",))


def basic() -> Sample:
    credentials = "Basic " + base64.b64encode(f"hub:{SECRET}".encode()).decode()
    scheme = scheme_of("basic", {"username": "hub", "id_pointer": "/id"})
    request = received(BODY, {"authorization": credentials})
    return Sample("basic", scheme, (SECRET,), request, ("authorization",), covers_body=False)


def api_key() -> Sample:
    scheme = scheme_of("api_key", {"header": "X-Goog-Channel-Token", "id_header": "X-Id"})
    request = received(BODY, {"x-goog-channel-token": SECRET, "x-id": "m-1"})
    return Sample("api key", scheme, (SECRET,), request, ("x-goog-channel-token",), covers_body=False)


def mtls() -> Sample:
    scheme = scheme_of("mtls", {"header": "X-Client-Fingerprint", "identities": ["ab:cd:ef"]})
    request = received(BODY, {"x-client-fingerprint": "ab:cd:ef"}, by_proxy=True)
    return Sample("mtls", scheme, (), request, ("x-client-fingerprint",), covers_body=False)


COVERING: tuple[Callable[..., Sample], ...] = (
    standard, standard_asymmetric, github, stripe_sample, slack, zoom, shopify, twilio_json, generic, plain,
)  # fmt: skip
SAMPLES = tuple(make() for make in (*COVERING, twilio_form, basic, api_key, mtls))
