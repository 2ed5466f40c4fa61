"""Take a manifest in: read it, compile its expressions, bound what its schemas cost, and give it its digest.

May take a while for a manifest that somebody wrote to make it so: keep it off the event loop.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import msgspec

from worksphere_hub import clock
from worksphere_hub.catalog.errors import InvalidManifest
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import contracts
from worksphere_hub.events.errors import InvalidEventType
from worksphere_hub.expressions.compile import compile_expression, load_expression
from worksphere_hub.expressions.errors import ExpressionRefused
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.read import PROBLEM_LIMIT, read
from worksphere_hub.sdk.manifest.texts import walk

SIZE_LIMIT = 262_144  # bytes of a manifest as JSON
EXPRESSION_LIMIT = 500
_TRIAL_SECONDS = 5.0
_CACHED = 256


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was looked at. `manifest` is there if, and only if, there are no problems."""

    document: dict[str, Any]
    digest: bytes
    manifest: Manifest | None
    problems: tuple[FieldProblem, ...] = ()


def check(document: dict[str, Any]) -> Checked:
    """Look at a document and find everything that is wrong with it, by the paths of its fields."""
    size, digest = len(msgspec.json.encode(document)), digest_of(document)
    if size > SIZE_LIMIT:
        message = f"has {size} bytes; the limit is {SIZE_LIMIT}"
        return Checked(document, digest, None, (FieldProblem("manifest", message),))
    reading = read(document)
    problems = [FieldProblem(each.path, each.message) for each in reading.problems]
    if reading.manifest is not None:
        problems += [*_schema_problems(reading.manifest), *_expression_problems(reading.manifest)]
    if problems:
        return Checked(document, digest, None, tuple(problems[:PROBLEM_LIMIT]))
    return Checked(document, digest, reading.manifest)


def digest_of(document: dict[str, Any]) -> bytes:
    """The SHA-256 of a document's content, whatever the order of its fields."""
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).digest()


def require(document: dict[str, Any]) -> tuple[Checked, Manifest]:
    """Like `check`, but raises InvalidManifest with all problems."""
    checked = check(document)
    if checked.manifest is None:
        raise InvalidManifest(told(checked.problems), problems=checked.problems)
    return checked, checked.manifest


def told(problems: Sequence[FieldProblem]) -> str:
    """The first of some problems in one sentence, and how many more there are."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0].field} {problems[0].message}{more}."


def _schema_problems(manifest: Manifest) -> Iterator[FieldProblem]:
    for parts, schema in walk(manifest, "schema"):
        try:
            contracts.check_schema(schema, ".".join(parts))
        except InvalidEventType as refused:
            yield from refused.problems


def _expression_problems(manifest: Manifest) -> Iterator[FieldProblem]:
    until = clock.monotonic() + _TRIAL_SECONDS
    for count, (parts, source) in enumerate(walk(manifest, "expression")):
        path = ".".join(parts)
        if count == EXPRESSION_LIMIT:
            yield FieldProblem("manifest", f"has more than {EXPRESSION_LIMIT} expressions; divide it into several")
            return
        if clock.monotonic() > until:
            yield FieldProblem(path, "cannot be tried: the expressions before it took too long; make them simpler")
            return
        try:
            compile_expression(source)
        except ExpressionRefused as refused:
            yield FieldProblem(path, f"is no expression that can be taken: {refused.detail}")


class _Shelf:
    """Manifests that were read before, by digest: they never change. The ones unused longest go first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._lock = Lock()
        self._held: OrderedDict[bytes, Manifest] = OrderedDict()

    def get(self, digest: bytes) -> Manifest | None:
        """A manifest that is here."""
        with self._lock:
            found = self._held.get(digest)
            if found is not None:
                self._held.move_to_end(digest)
            return found

    def put(self, digest: bytes, manifest: Manifest) -> None:
        """Keep one."""
        with self._lock:
            self._held[digest] = manifest
            while len(self._held) > self._room:
                self._held.popitem(last=False)


_shelf = _Shelf(_CACHED)


def known(digest: bytes) -> Manifest | None:
    """A stored manifest that was read before in this process."""
    return _shelf.get(digest)


def stored(digest: bytes, document: Any) -> Manifest:
    """A stored manifest, which was checked when it was registered. Raises InvalidManifest for one of an older time."""
    found = _shelf.get(digest)
    if found is not None:
        return found
    reading = read(document)
    if reading.manifest is None:
        problems = [FieldProblem(each.path, each.message) for each in reading.problems]
        raise InvalidManifest("This version was registered by other rules. Publish a new one.", problems=problems)
    for _, source in walk(reading.manifest, "expression"):
        load_expression(source)
    _shelf.put(digest, reading.manifest)
    return reading.manifest
