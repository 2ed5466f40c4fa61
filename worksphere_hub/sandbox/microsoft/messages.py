"""Messages of channels and chats: read, send, change, delete, and what changed since."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.clock import iso, parse_iso
from worksphere_hub.sandbox.microsoft.answers import missing, page_size, refusal, selected
from worksphere_hub.sandbox.microsoft.state import Message, Thread
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, empty

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Caller, Microsoft

_USUAL, _MOST = 20, 50
# Delta reaches back eight months.
_REACH = timedelta(days=243)
_FILTER = "lastModifiedDateTime gt "
Find = Callable[["Caller", Call], Thread]


class Messages:
    """The messages of one kind of thread; `find` reads the thread from the path."""

    def __init__(self, microsoft: "Microsoft", find: Find, reads: int) -> None:
        self._microsoft = microsoft
        self._state = microsoft.state
        self._find = find
        self._reads = reads

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET .../messages: the newest first; with $expand=replies those too."""
        thread = self._find(caller, call)
        self._slow_down(caller, thread, "GET", self._reads)
        expand = "replies" in call.query.get("$expand", "")
        rows = [
            {**one.view, **({"replies": [reply.view for reply in one.replies]} if expand else {})}
            for one in sorted(thread.messages, key=lambda one: int(one.view["id"]), reverse=True)
        ]
        return self._microsoft.links.page(call, rows, "chatMessages", _USUAL, _MOST)

    def read(self, caller: "Caller", call: Call) -> Response:
        """GET .../messages/{message}"""
        _, message = self._one(caller, call)
        return answer(selected(call, message.view))

    def replies(self, caller: "Caller", call: Call) -> Response:
        """GET .../messages/{message}/replies"""
        _, message = self._one(caller, call)
        rows = [one.view for one in reversed(message.replies)]
        return self._microsoft.links.page(call, rows, "chatMessages", _USUAL, _MOST)

    def reply_read(self, caller: "Caller", call: Call) -> Response:
        """GET .../messages/{message}/replies/{reply}"""
        _, message = self._one(caller, call)
        found = next((one for one in message.replies if one.view["id"] == call.part("reply")), None)
        if found is None:
            raise missing("Reply")
        return answer(selected(call, found.view))

    def send(self, caller: "Caller", call: Call) -> Response:
        """POST .../messages"""
        thread = self._find(caller, call)
        return self._sent(caller, call, thread, None)

    def reply(self, caller: "Caller", call: Call) -> Response:
        """POST .../messages/{message}/replies"""
        thread, message = self._one(caller, call)
        return self._sent(caller, call, thread, message)

    def update(self, caller: "Caller", call: Call) -> Response:
        """PATCH .../messages/{message}: one's own."""
        thread, message = self._own(caller, call)
        wanted = call.object()
        changes = {
            key: wanted[key] for key in ("body", "subject", "importance", "attachments", "mentions") if key in wanted
        }
        if "body" in changes:
            changes["body"] = {"contentType": "text", **changes["body"]}
        self._state.touch(message, **changes, lastEditedDateTime=iso(self._state.clock.now()))
        self._microsoft.webhooks.changed("updated", thread, message)
        return empty()

    def delete(self, caller: "Caller", call: Call) -> Response:
        """POST .../messages/{message}/softDelete: what is left says when it went."""
        thread, message = self._own(caller, call)
        gone = {"contentType": "html", "content": ""}
        self._state.touch(message, body=gone, attachments=[], deletedDateTime=iso(self._state.clock.now()))
        self._microsoft.webhooks.changed("deleted", thread, message)
        return empty()

    def delta(self, caller: "Caller", call: Call) -> Response:
        """GET .../messages/delta: everything of eight months, then what changed; replies are left out."""
        thread = self._find(caller, call)
        self._slow_down(caller, thread, "GET", self._reads)
        links = self._microsoft.links
        paging = links.read(call, "$skiptoken")
        if paging is None:
            since = links.read(call, "$deltatoken") or 0
            paging = (page_size(call, _USUAL, _MOST), 0, since, self._state.changes, self._after(call))
        size, begin, since, until, after = paging
        rows = [
            one
            for one in sorted(thread.messages, key=lambda one: one.number)
            if one.number > since and one.view["lastModifiedDateTime"] > after
        ]
        page = [one.view for one in rows[begin : begin + size]]
        body: Json = {"@odata.context": f"{call.base}/v1.0/$metadata#Collection(chatMessage)"}
        if begin + size < len(rows):
            body["@odata.nextLink"] = links.make(call, "$skiptoken", (size, begin + size, since, until, after))
        else:
            # What changed while somebody paged comes once more in the next round, rather than never.
            body["@odata.deltaLink"] = links.make(call, "$deltatoken", until)
        return answer({**body, "value": page})

    def _after(self, call: Call) -> str:
        """From which time on: `$filter` may say so, and nothing else."""
        earliest = iso(self._state.clock.now() - _REACH)
        wanted = call.query.get("$filter")
        if wanted is None:
            return earliest
        try:
            if not wanted.startswith(_FILTER):
                raise refusal(400, "BadRequest", "Only 'lastModifiedDateTime gt' is supported in $filter.")
            return max(earliest, iso(parse_iso(wanted.removeprefix(_FILTER).replace(" ", "+"))))
        except ValueError as error:
            raise refusal(400, "BadRequest", "Invalid filter clause") from error

    def _sent(self, caller: "Caller", call: Call, thread: Thread, parent: Message | None) -> Response:
        if caller.user is None:
            text = "Message POST is allowed in application-only context only for import purposes."
            raise refusal(401, "Unauthorized", text)
        self._slow_down(caller, thread, "POST", 2)
        wanted = call.object()
        content: Json = wanted.get("body") or {}
        if not content.get("content") and not wanted.get("attachments"):
            raise refusal(400, "BadRequest", "Missing body content")
        wanted["body"] = {"contentType": content.get("contentType", "text"), "content": content.get("content", "")}
        made = self._state.add(thread, self._state.users[caller.user], wanted, parent)
        self._microsoft.webhooks.changed("created", thread, made)
        return answer(made.view, 201)

    def _one(self, caller: "Caller", call: Call) -> tuple[Thread, Message]:
        thread = self._find(caller, call)
        message = thread.find(call.part("message"))
        if message is None:
            raise missing("Message")
        return thread, message

    def _own(self, caller: "Caller", call: Call) -> tuple[Thread, Message]:
        thread, message = self._one(caller, call)
        if message.view["from"]["user"]["id"] != caller.user:
            raise refusal(403, "Forbidden", "Only the sender of a message may change it.")
        return thread, message

    def _slow_down(self, caller: "Caller", thread: Thread, verb: str, limit: int) -> None:
        """So many a second for the app in the tenant; Retry-After has fractions of a second."""
        world, kind = self._microsoft.world, "channel" if thread.team else "chat"
        wait = world.rates.take(f"graph:{caller.app.client_id}:{kind}:{verb}", limit, 1.0)
        if wait is not None and world.limits:
            raise Answered(self._microsoft.rate_limited("", wait))
