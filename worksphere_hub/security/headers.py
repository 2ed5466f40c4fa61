"""Which headers a request may carry: the grammar of RFC 9110, without those of the connection and the hub."""

import re

# Whoever sets these decides where one request ends and the next begins, on a connection that tenants share.
CONNECTION_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
HUB_PREFIX = "webhook-"
LONGEST_VALUE = 4096

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
# Visible ASCII with spaces and tabs between: what every receiver reads alike.
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")


def header_problem(name: str, value: str) -> str | None:
    """Why a configured header cannot be sent, in a sentence without its value; None when it can."""
    if not _NAME.fullmatch(name):
        return "A header's name has 1 to 128 letters, digits and dashes."
    if name.lower() in CONNECTION_HEADERS:
        return f"The header {name} belongs to the connection and cannot be set."
    if name.lower().startswith(HUB_PREFIX):
        return f"Headers that start with {HUB_PREFIX} are the hub's own."
    if len(value) > LONGEST_VALUE:
        return f"The value of {name} has {len(value)} characters; at most {LONGEST_VALUE} are sent."
    if not _VALUE.fullmatch(value):
        return f"The value of {name} has characters that are not visible ASCII, or spaces at its ends."
    return None
