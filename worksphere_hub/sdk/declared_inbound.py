"""What a manifest alone makes of a provider's messages."""

from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told
from worksphere_hub.sdk.manifest import manifest as declared
from worksphere_hub.sdk.paging import Evaluate


class DeclaredInbound(Inbound):
    """One fact a message, by the expressions of `inbound`."""

    def __init__(self, slug: str, rules: declared.Inbound, evaluate: Evaluate) -> None:
        self.scheme = rules.scheme
        self._slug = slug
        self._rules = rules
        self._evaluate = evaluate

    def read(self, message: Message) -> list[Told]:
        """The fact of a message; a body that is no JSON is one of no account."""
        body = _decoded(message.body)
        named = self._text(self._rules.event_type, body)
        if self._rules.event_type is not None and named is None:
            raise Unexpected("The message does not say what happened, where the manifest looks for it.")
        return [
            Told(
                named or f"{self._slug}.received",
                self._text(self._rules.event_id, body),
                cast("dict[str, Any]", body) if isinstance(body, dict) else {"body": body},
                account=self._text(self._rules.account, body),
            )
        ]

    def _text(self, expression: str | None, body: Any) -> str | None:
        found = None if expression is None else self._evaluate(expression, body)
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else None


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
