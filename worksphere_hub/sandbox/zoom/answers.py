"""How Zoom says no, how it pages, and which scopes open what."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.tokens import App, Token
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.zoom.provider import Zoom

PAGE_TOKEN_SECONDS = 15 * 60

# What an operation takes: any one of these scopes, granular or classic, of one's own or of the whole account.
_TAKES = {
    "users.list": ("user:read:list_users", "user:read"),
    "users.read": ("user:read:user", "user:read"),
    "users.write": ("user:write:user", "user:update:user", "user:write"),
    "meetings.list": ("meeting:read:list_meetings", "meeting:read"),
    "meetings.read": ("meeting:read:meeting", "meeting:read"),
    "meetings.create": ("meeting:write:meeting", "meeting:write"),
    "meetings.update": ("meeting:update:meeting", "meeting:write"),
    "meetings.delete": ("meeting:delete:meeting", "meeting:write"),
    "meetings.past": ("meeting:read:past_meeting", "meeting:read"),
    "meetings.participants": ("meeting:read:list_past_participants", "meeting:read"),
    "recordings.list": ("cloud_recording:read:list_user_recordings", "recording:read"),
    "recordings.read": ("cloud_recording:read:list_recording_files", "recording:read"),
    "recordings.delete": ("cloud_recording:delete:meeting_recording", "recording:write"),
}
# Each of them is there for the whole account too.
SCOPES = {name: (*scopes, *(f"{scope}:admin" for scope in scopes)) for name, scopes in _TAKES.items()}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the token, its app, and the user that `me` is (None for a server-to-server app)."""

    zoom: "Zoom"
    app: App
    token: Token
    me: Json | None

    def user(self, identity: str) -> Json:
        """The user that a path means. Answers 404 for an unknown one, and for `me` where nobody is signed in."""
        if identity == "me":
            if self.me is None:
                raise refusal(401, 124, "This API does not support client credentials for authorization.")
            return self.me
        found = self.zoom.state.user(identity)
        reachable = found is not None and (self.me is None or found is self.me or self._admin())
        if found is None or not reachable:
            raise refusal(404, 1001, f"User does not exist: {identity}.")
        return found

    def _admin(self) -> bool:
        return any(scope.endswith(":admin") for scope in self.token.scopes)


def refusal(status: int, code: int, message: str, **more: object) -> Answered:
    """Zoom's error: a code of its own and a sentence."""
    return Answered(answer({"code": code, "message": message, **more}, status))


def invalid(field: str, message: str) -> Answered:
    """A value that Zoom does not take."""
    return refusal(400, 300, "Validation Failed.", errors=[{"field": field, "message": message}])


@dataclass(slots=True)
class Cursor:
    """Where a page token leads: only with the same question, and not for long."""

    question: str
    offset: int
    expires_at: float


class Pages:
    """The page tokens that were given out."""

    def __init__(self, zoom: "Zoom") -> None:
        self._zoom = zoom
        self._cursors: dict[str, Cursor] = {}

    def cut(self, call: Call, rows: list[Json], most: int = 300) -> tuple[list[Json], Json]:
        """The rows of a page, and the fields that Zoom puts beside them."""
        size = whole(call.query.get("page_size"), 30)
        if not 1 <= size <= most:
            raise invalid("page_size", f"Invalid field. page_size must be between 1 and {most}.")
        begin = self._offset(call)
        end = begin + size
        token = self._token(call, end) if end < len(rows) else ""
        pages = max(1, -(-len(rows) // size))
        beside = {"page_count": pages, "page_size": size, "total_records": len(rows), "next_page_token": token}
        return rows[begin:end], beside

    def _question(self, call: Call) -> str:
        asked = sorted((key, value) for key, value in call.query.items() if key != "next_page_token")
        return f"{call.path}?{asked}"

    def _token(self, call: Call, offset: int) -> str:
        value = self._zoom.identities.text("page", 32)
        expires = self._zoom.world.clock.epoch() + PAGE_TOKEN_SECONDS
        self._cursors[value] = Cursor(self._question(call), offset, expires)
        return value

    def _offset(self, call: Call) -> int:
        value = call.query.get("next_page_token")
        if not value:
            return 0
        cursor = self._cursors.get(value)
        fresh = cursor is not None and cursor.expires_at > self._zoom.world.clock.epoch()
        if cursor is None or not fresh or cursor.question != self._question(call):
            raise refusal(400, 300, "The next page token is invalid or expired.")
        return cursor.offset


def limited(kind: str, category: str, limit: int, retry_at: str | None) -> Response:
    """429: a day's limit says when it ends, as a time stamp; a second's says nothing of the sort."""
    word = "daily" if kind == "Daily-limit" else "per-second"
    headers = {
        "x-ratelimit-category": category, "x-ratelimit-type": kind, "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": "0", **({"retry-after": retry_at} if retry_at else {}),
    }  # fmt: skip
    text = f"You have reached the maximum {word} rate limit for this API. Try again later."
    return answer({"code": 429, "message": text}, 429, headers)
