"""Standard Webhooks: signatures over `{id}.{timestamp}.{body}`, by several keys while one rotates out.

v1 is HMAC-SHA256 with a secret that both sides hold; v1a, with a key pair, is in `signing_ed25519`.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence

from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.security.signing_ed25519 import PublicKey, SigningKey

KEY_PREFIX = "whsec_"
SHORTEST_KEY = 24
LONGEST_KEY = 64

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"

# A sender that rotates lists two or three signatures. More than this only buys a forger our CPU.
_MOST_SIGNATURES = 20


class SecretRefused(HubError):
    """This is not a usable signing secret."""

    code = "webhook_secret_refused"
    status = 422

    def __init__(self, what: str, field: str = "secret") -> None:
        super().__init__(what, problems=[FieldProblem(field, what)])


class SignatureRefused(HubError):
    """The message's signature was not accepted."""

    code = "signature_refused"
    status = 401


class SignatureMissing(SignatureRefused):
    """The message carries no complete signature."""

    code = "signature_missing"


class SignatureMalformed(SignatureRefused):
    """The message's signature headers cannot be read."""

    code = "signature_malformed"


class SignatureOutOfTime(SignatureRefused):
    """The message's timestamp is too far from the present."""

    code = "signature_out_of_time"


class SignatureWrong(SignatureRefused):
    """No signature of the message fits a known key."""

    code = "signature_wrong"


def new_secret() -> str:
    """Mint a signing secret: `whsec_` and the base64 of 32 random bytes."""
    return KEY_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def parse_secret(text: str) -> bytes:
    """Read the key out of a `whsec_` secret; padding may be absent. Raises SecretRefused."""
    if not text.startswith(KEY_PREFIX):
        raise SecretRefused(f"A signing secret starts with {KEY_PREFIX} and goes on in base64.")
    encoded = text[len(KEY_PREFIX) :].rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise SecretRefused(f"What follows {KEY_PREFIX} is not base64 (A-Z a-z 0-9 + /).") from None
    # An empty or short key would let anyone sign: fail here, not when the first forgery arrives.
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise SecretRefused(
            f"The secret holds {len(key)} bytes; Standard Webhooks wants {SHORTEST_KEY} to {LONGEST_KEY}."
        )
    return key


def sign(
    keys: Sequence[bytes],
    message_id: str,
    timestamp: int,
    body: bytes,
    asymmetric_keys: Sequence[SigningKey] = (),
) -> str:
    """Write the `webhook-signature` header, one signature per key; `timestamp` in seconds since 1970."""
    # A dot in the id would let one signature cover two different messages; no key would mean no proof at all.
    if not (keys or asymmetric_keys) or not message_id or "." in message_id:
        raise ValueError("signing needs at least one key and a message id without a dot")
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    signatures = [_signature(key, content) for key in keys]
    if asymmetric_keys:
        signatures += [key.signature(content) for key in asymmetric_keys]
    return " ".join(signatures)


def verify(
    keys: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: int = 300,
    public_keys: Sequence[PublicKey] = (),
) -> str:
    """Check a message's headers against its raw body and return its id. Raises a SignatureRefused.

    Header names may have any case; `now` is in seconds since 1970, `tolerance` in seconds to either side. A v1
    signature must fit one of `keys`, or a v1a signature one of `public_keys`.
    """
    message_id, timestamp, listed = _read(headers)
    if abs(now - timestamp) > tolerance:
        raise SignatureOutOfTime(
            f"The {TIMESTAMP_HEADER} is more than {tolerance} s from this clock. Check both clocks; "
            "a message that is sent again needs a new timestamp."
        )
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    expected = [_signature(key, content).encode() for key in keys]
    fits = False
    # Every pair is compared, so the time taken does not tell which key came close.
    for given in listed:
        for signature in expected:
            fits |= hmac.compare_digest(signature, given)
        if given.startswith(b"v1a,") and public_keys:
            fits |= _fits_one(public_keys, given, content)
    if not fits:
        raise SignatureWrong("No signature fits. Sign the raw body bytes, with this endpoint's key.")
    return message_id


def _fits_one(public_keys: Sequence[PublicKey], given: bytes, content: bytes) -> bool:
    try:
        signature = base64.b64decode(given.removeprefix(b"v1a,"), validate=True)
    except (ValueError, binascii.Error):
        return False
    return any(key.fits(signature, content) for key in public_keys)


def _signature(key: bytes, content: bytes) -> str:
    return "v1," + binascii.b2a_base64(hmac.digest(key, content, "sha256"), newline=False).decode()


def _read(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    """Take id, timestamp and the listed signatures out of the headers, trusting none of them."""
    found = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER) if not found.get(name)]
    if missing:
        raise SignatureMissing(f"The message lacks {', '.join(missing)}.")
    message_id, stamp = found[ID_HEADER], found[TIMESTAMP_HEADER]
    if "." in message_id or not message_id.isascii():
        raise SignatureMalformed(f"A {ID_HEADER} is ASCII without a dot.")
    # One spelling per instant: a leading zero would be signed differently from how it is read.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12) or stamp != str(int(stamp)):
        raise SignatureMalformed(f"A {TIMESTAMP_HEADER} is whole seconds since 1970 in plain digits.")
    listed = found[SIGNATURE_HEADER].split(" ")
    if len(listed) > _MOST_SIGNATURES:
        raise SignatureMalformed(f"A {SIGNATURE_HEADER} lists at most {_MOST_SIGNATURES} signatures.")
    return message_id, int(stamp), [item.encode(errors="replace") for item in listed]
