"""PURE: Microsoft Graph: a `clientState` in each notification, and a handshake before the first."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

import msgspec

from worksphere_hub.inbound.schemes.pointer import read_json
from worksphere_hub.inbound.schemes.scheme import (
    Answer,
    Received,
    Refused,
    Scheme,
    Verified,
    fingerprint,
    require_fit,
)

_LONGEST_TOKEN = 4096


class Graph(Scheme):
    """Microsoft Graph's change notifications. The secret is the subscription's `clientState`."""

    scheme: Literal["graph"]
    mints_secret: ClassVar[bool] = True

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Compare the state of every notification: one message may hold several. What proved it is not kept."""
        token = received.parameter("validationToken")
        if token is not None and not received.body and len(token) <= _LONGEST_TOKEN:
            # It carries no proof: who asks knows the address, and is told what he sent.
            return Verified(answer=Answer("text/plain; charset=utf-8", token.encode("utf-8", "replace")), proven=False)
        document = read_json(received.body)
        body = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
        found = body.get("value")
        if not isinstance(found, list) or not found:
            raise Refused("signature_missing")
        for one in cast("list[object]", found):
            state = cast("dict[str, Any]", one).get("clientState") if isinstance(one, dict) else None
            if not isinstance(state, str) or not state:
                raise Refused("signature_missing")
            require_fit(state, secrets)
        kept = {**body, "value": [_without_state(each) for each in cast("list[dict[str, Any]]", found)]}
        return Verified(fingerprint(received.body), kept=msgspec.json.encode(kept))


def _without_state(notification: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in notification.items() if name != "clientState"}
