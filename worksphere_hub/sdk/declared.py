"""Streams and actions that a manifest alone describes: any REST API, without code."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from worksphere_hub.sdk import paging
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Answer, Api, Request, require_success
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.declared_inbound import DeclaredInbound
from worksphere_hub.sdk.errors import BadSettings, Rejected, Unexpected
from worksphere_hub.sdk.manifest import manifest as declared
from worksphere_hub.sdk.manifest.api import Api as ApiRules
from worksphere_hub.sdk.manifest.api import Call
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill
from worksphere_hub.sdk.paging import Evaluate
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

_CURSOR = "cursor"


def connector_of(manifest: Manifest, evaluate: Evaluate) -> Connector:
    """The connector that a manifest makes by itself. `evaluate` works its expressions out."""
    rules = manifest.api
    inbound = None if manifest.inbound is None else DeclaredInbound(manifest.slug, manifest.inbound, evaluate)
    if rules is None:
        return Connector(manifest, inbound=inbound)
    return Connector(
        manifest,
        {name: DeclaredStream(name, stream, rules, evaluate) for name, stream in manifest.streams.items()},
        {name: DeclaredAction(name, action, rules, evaluate) for name, action in manifest.actions.items()},
        inbound,
    )


class DeclaredStream(Stream):
    """A stream that its manifest describes."""

    def __init__(self, name: str, stream: declared.Stream, rules: ApiRules, evaluate: Evaluate) -> None:
        super().__init__(
            name,
            Kind(
                stream.title,
                tuple(stream.primary_key),
                stream.record_schema or {},
                stream.cursor_field,
                incremental=stream.cursor_field is not None and stream.cursor_parameter is not None,
                scopes=tuple(stream.scopes),
            ),
        )
        self._stream = stream
        self._rules = rules
        self._evaluate = evaluate

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Page by page. The state moves with the last page only: a provider need not sort by the cursor."""
        stream = self._stream
        request = request_of(stream.call, api, {"input": only or {}}, self._evaluate)
        begin = (state or {}).get(_CURSOR)
        if begin is not None and self.kind.incremental:
            earlier = _earlier(begin, stream.overlap_seconds)
            request = replace(request, query={**request.query, str(stream.cursor_parameter): earlier})
        rule = stream.pagination or self._rules.pagination
        highest = begin
        coming: Request | None = paging.first(request, rule)
        while coming is not None:
            answer = checked(await api.send(coming), self._rules, self._evaluate)
            records = self._records(answer)
            for record in records:
                highest = _higher(highest, record.get(stream.cursor_field) if stream.cursor_field else None)
            coming = paging.following(coming, answer, rule, len(records), self._evaluate)
            done = coming is None and highest is not None
            yield Page(records, {_CURSOR: highest} if done else dict(state or {}))

    def _records(self, answer: Answer) -> list[dict[str, Any]]:
        if not answer.body:
            # 204: there are none.
            return []
        found = self._evaluate(self._stream.records, answer.json())
        several: list[Any] = [] if found is None else cast("list[Any]", found) if isinstance(found, list) else [found]
        records = [cast("dict[str, Any]", each) if isinstance(each, dict) else {} for each in several]
        if any(record.get(name) is None for record in records for name in self.kind.primary_key):
            raise Unexpected(f"A record of {self.name} has no {', '.join(self.kind.primary_key)}.")
        return records


class DeclaredAction(Action):
    """An action that its manifest describes."""

    def __init__(self, name: str, action: declared.Action, rules: ApiRules, evaluate: Evaluate) -> None:
        super().__init__(name, Deed(action.title, action.input_schema, action.idempotent, tuple(action.scopes)))
        self._action = action
        self._rules = rules
        self._evaluate = evaluate

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Send the call; answers what `output` makes of it."""
        request = request_of(self._action.call, api, {"input": given}, self._evaluate, idempotent=self.deed.idempotent)
        answer = checked(await api.send(request), self._rules, self._evaluate)
        body = answer.json() if answer.body else None
        return body if self._action.output is None else self._evaluate(self._action.output, body)


def request_of(
    call: Call, api: Api, values: Mapping[str, Any], evaluate: Evaluate, *, idempotent: bool | None = None
) -> Request:
    """The request that a call of a manifest makes. Raises BadSettings where it names what has no value."""
    known = {"settings": api.settings, "captured": api.captured, **values}
    try:
        query = {name: fill(text, known) for name, text in call.query.items() if _given(text, known)}
        headers = {name: fill(text, known) for name, text in call.headers.items()}
        path = fill(call.path, known)
    except TemplateFailed as failure:
        raise BadSettings(f"There is no value for {failure.name}.") from None
    body = None if call.body is None else evaluate(call.body, known)
    form = None if body is None or call.encoding == "json" else form_of(body)
    json = body if form is None else None
    return Request(call.method, path, query, headers, json=json, form=form, slot=call.slot, idempotent=idempotent)


def form_of(body: Any) -> dict[str, str]:
    """PURE: what an expression gave as the fields of a form; nothing is left out. Raises BadSettings."""
    if not isinstance(body, dict):
        raise BadSettings("The expression of a form's fields gives no object.")
    fields: dict[str, str] = {}
    for name, value in cast("dict[str, Any]", body).items():
        if isinstance(value, dict | list):
            raise BadSettings(f"The form's field {name} is neither a text, a number nor a boolean.")
        if value is not None:
            fields[name] = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return fields


def checked(answer: Answer, rules: ApiRules, evaluate: Evaluate) -> Answer:
    """The answer, unless its status or the manifest's `refused` says that it is a refusal."""
    if answer.status >= 400:
        return require_success(answer, _words(answer, rules, evaluate))
    if rules.refused is not None and answer.body and evaluate(rules.refused, answer.json()):
        raise Rejected(f"The provider refused: {_words(answer, rules, evaluate)}", status=answer.status)
    return answer


def _words(answer: Answer, rules: ApiRules, evaluate: Evaluate) -> str:
    if rules.message is None:
        return ""
    try:
        return str(evaluate(rules.message, answer.json()) or "")
    except Unexpected:
        return ""


def _given(text: str, known: Mapping[str, Any]) -> bool:
    """Whether a query parameter has its value: one that names an input that was not given is left out."""
    try:
        fill(text, known)
    except TemplateFailed as failure:
        if failure.name.startswith("input."):
            return False
        raise
    return True


def _higher(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if type(one) is type(other) else other


def _earlier(cursor: Any, overlap: int) -> str:
    """The cursor, less the overlap where it is a moment or a number of seconds."""
    if overlap and isinstance(cursor, int | float):
        return str(cursor - overlap)
    if overlap and isinstance(cursor, str):
        try:
            moment = datetime.fromisoformat(cursor)
        except ValueError:
            return cursor
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - timedelta(seconds=overlap)).isoformat().replace("+00:00", "Z")
    return str(cursor)
