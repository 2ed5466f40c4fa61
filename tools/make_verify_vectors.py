"""Write examples/verify/vectors.json: messages, good and bad, that every verifier must judge alike.

python tools/make_verify_vectors.py [--check]
"""

import base64
import hmac
import json
import sys
from pathlib import Path
from typing import Any

from worksphere_hub.security.signing_ed25519 import SigningKey

FILE = Path(__file__).parents[1] / "examples" / "verify" / "vectors.json"
NOW = 1_700_000_000
BODY = b'{"type":"invoice.paid","timestamp":"2023-11-14T22:13:20Z","data":{"amount":100}}'


def _secret(size: int, start: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(start, start + size))).decode()


SECRET, OLD = _secret(32, 0), _secret(32, 100)
PAIR = SigningKey(bytes(range(32)))


def _content(message_id: str = "evt_1", at: object = NOW, body: bytes = BODY) -> bytes:
    return f"{message_id}.{at}.".encode() + body


def _header(*secrets: str, **said: Any) -> str:
    """Written here by hand, so that what the hub signs is no part of what it is measured with."""
    keys = [base64.b64decode(secret.removeprefix("whsec_") + "==") for secret in secrets]
    macs = [hmac.digest(key, _content(**said), "sha256") for key in keys]
    return " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs)


def _case(name: str, expected: str = "ok", **given: Any) -> dict[str, Any]:
    """One message; what is not given is that of a good one. A header given as None is left out."""
    body: bytes = given.get("body", BODY)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": given.get("id", "evt_1"),
        "webhook-timestamp": given.get("timestamp", str(NOW)),
        "webhook-signature": given.get("signature", _header(SECRET)),
    }
    if given.get("shout"):
        headers = {key.upper(): value for key, value in headers.items()}
    return {
        "name": name,
        "expected": expected if expected == "ok" else f"refused: {expected}",
        "secret": given.get("secret", SECRET),
        "now": given.get("now", NOW),
        "headers": {key: value for key, value in headers.items() if value is not None},
        "body_base64": base64.b64encode(body).decode(),
    }


def _signed(name: str, body: bytes, secret: str = SECRET) -> dict[str, Any]:
    return _case(name, body=body, secret=secret, signature=_header(secret, body=body))


def _stamped(name: str, timestamp: str) -> dict[str, Any]:
    """A timestamp that is none, under a signature that would fit."""
    return _case(name, "malformed", timestamp=timestamp, signature=_header(SECRET, at=timestamp))


def _good() -> list[dict[str, Any]]:
    both = _header(OLD, SECRET)
    asymmetric = f"{PAIR.signature(_content())} {_header(SECRET)}"
    return [
        _case("one signature"),
        _case("header names in capitals", shout=True),
        _case("two signatures, ours is the second", signature=both),
        _case("two signatures, ours is the first", signature=both, secret=OLD),
        _case("a v1a signature beside ours", signature=asymmetric),
        _case("a signature of an unknown version beside ours", signature=f"v9,AAAA {_header(SECRET)}"),
        _case("something unreadable beside ours", signature=f"nonsense {_header(SECRET)}"),
        _case("five minutes old to the second", now=NOW + 300),
        _case("five minutes ahead to the second", now=NOW - 300),
        _signed("a secret without padding", BODY, SECRET.rstrip("=")),
        _signed("a secret of 24 bytes", BODY, _secret(24, 7)),
        _signed("a secret of 64 bytes", BODY, _secret(64, 7)),
        _signed("letters beyond ASCII", '{"data":"größer, 漢字 😀"}'.encode()),
        _signed("spaces and line ends stay as they are", b'\n\n{ "data" :\r\n 1.0 }\n'),
        _signed("an empty body", b""),
        _signed("a body that is no text", bytes(range(256))),
    ]


def _bad() -> list[dict[str, Any]]:
    wrong = _header(SECRET)
    changed = wrong[:10] + ("A" if wrong[10] != "A" else "B") + wrong[11:]
    return [
        _case("another secret", "signature", secret=OLD),
        _case("a byte of the body is another", "signature", body=BODY.replace(b"100", b"900")),
        _case("a space after the body", "signature", body=BODY + b" "),
        _case("another id", "signature", id="evt_2"),
        _case("another timestamp", "signature", timestamp=str(NOW + 1)),
        _case("a letter of the signature is another", "signature", signature=changed),
        _case("half a signature", "signature", signature=wrong[:20]),
        _case("a signature without its version", "signature", signature=wrong.removeprefix("v1,")),
        _case("a signature under another version", "signature", signature=wrong.replace("v1,", "v2,")),
        _case("a version and nothing", "signature", signature="v1,"),
        _case("signatures joined by a comma", "signature", signature=f"{_header(OLD)},{wrong}"),
        _case("a v1a signature alone", "signature", signature=PAIR.signature(_content())),
        _case("too old", "time", now=NOW + 301),
        _case("too far ahead", "time", now=NOW - 301),
        _case("no id", "missing", id=None),
        _case("no timestamp", "missing", timestamp=None),
        _case("no signature", "missing", signature=None),
        _case("an empty signature", "missing", signature=""),
        _case("an id with a dot", "malformed", id="evt.1", signature=_header(SECRET, message_id="evt.1")),
        _stamped("a timestamp in words", "yesterday"),
        _case(
            "a timestamp with a fraction", "malformed", timestamp=f"{NOW}.5", signature=_header(SECRET, at=f"{NOW}.5")
        ),
        _stamped("a timestamp with a sign", f"-{NOW}"),
        _case(
            "a timestamp in milliseconds", "malformed", timestamp=f"{NOW}000", signature=_header(SECRET, at=f"{NOW}000")
        ),
        _case("a secret without its prefix", "secret", secret=SECRET.removeprefix("whsec_")),
        _case("a secret that is not base64", "secret", secret="whsec_" + "*" * 44),
        _case("a secret that is too short", "secret", secret=_secret(23, 0), signature=_header(_secret(23, 0))),
        _case("no secret", "secret", secret=""),
    ]


def main() -> int:
    """Write the file, or say whether it is up to date."""
    text = json.dumps({"cases": _good() + _bad()}, indent=1, ensure_ascii=False) + "\n"
    if "--check" in sys.argv:
        return 0 if FILE.exists() and FILE.read_text(encoding="utf-8") == text else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
