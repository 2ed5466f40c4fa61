"""What methods of the Web API have in common: who calls, how they say no and page, how often they may be asked."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worksphere_hub.sandbox.slack.state import Channel, Team
from worksphere_hub.sandbox.tokens import App, Token
from worksphere_hub.sandbox.wire import Json, truthy, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.slack.provider import Slack

__all__ = ["Caller", "Method", "NotOk", "channel_of", "page", "truthy", "whole"]

# Requests a minute that each of Slack's tiers grants per method, app and workspace.
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}


class NotOk(Exception):
    """`ok: false` with this error, and whatever Slack adds to it."""

    def __init__(self, error: str, **more: Any) -> None:
        self.body: Json = {"ok": False, "error": error, **more}
        super().__init__(error)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a method: the app and the token's user, in a workspace."""

    slack: "Slack"
    app: App
    token: Token
    team: Team
    user: str

    @property
    def is_bot(self) -> bool:
        """Whether it is the app's bot user."""
        return self.token.slot == "bot"

    @property
    def commercial(self) -> bool:
        """Whether the app is distributed outside of the marketplace, which Slack slows down."""
        return self.app.settings.get("distribution") == "commercial"

    def must_have(self, *scopes: str) -> None:
        """Raise missing_scope unless the token has one of them."""
        if scopes and not set(scopes) & set(self.token.scopes):
            raise NotOk("missing_scope", needed=",".join(scopes), provided=",".join(self.token.scopes))


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it does, the scopes of which the token must have one, its tier."""

    call: Callable[[Caller, Json], Json]
    scopes: tuple[str, ...] = ()
    tier: int = 3


def channel_of(caller: Caller, fields: Json, *, member: bool = False) -> Channel:
    """The channel that is meant. Raises channel_not_found, which a foreign private one answers too; not_in_channel."""
    name = str(fields.get("channel", ""))
    found = caller.team.channels.get(name) or next(
        (one for one in caller.team.channels.values() if f"#{one.name}" == name), None
    )
    inside = found is not None and caller.user in found.members
    if found is None or (found.private and not inside):
        raise NotOk("channel_not_found")
    if member and not inside:
        raise NotOk("not_in_channel")
    return found


def page(rows: Sequence[Json], fields: Json, default: int, most: int) -> tuple[list[Json], str]:
    """The rows of a page and the cursor of the next one ("" at the end). Raises invalid_cursor, invalid_limit."""
    size = whole(fields.get("limit") or default, -1)
    if size < 0:
        raise NotOk("invalid_limit")
    size = min(size or default, most)
    begin = _offset(str(fields.get("cursor") or ""))
    end = begin + size
    cursor = base64.b64encode(f"next_offset:{end}".encode()).decode() if end < len(rows) else ""
    return list(rows[begin:end]), cursor


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        name, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotOk("invalid_cursor") from error
    if name != "next_offset" or not number.isdigit():
        raise NotOk("invalid_cursor")
    return int(number)
