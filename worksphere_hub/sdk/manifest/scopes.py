"""PURE: which names a template may hold, place by place, and what is wrong with one that holds another.

A name without a value fails the whole text, so a name that may have none is refused here: a setting or a field that a
template needs is required or has a default.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from worksphere_hub.sdk.manifest.auth import AuthMethod, Custom, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.shape import Problem
from worksphere_hub.sdk.manifest.template import names
from worksphere_hub.sdk.manifest.texts import Path, walk

_CLIENT = frozenset({"id", "secret"})
_TOKEN = frozenset({"access_token"})
_REQUEST = frozenset({"method", "path", "query", "body", "timestamp"})
_SIGNATURE = frozenset({"value", "timestamp"})
# Where what a token answer gave may be named: nothing is captured before there was one.
_AFTERWARDS = frozenset({"refresh_url", "revoke_url", "refresh_parameters", "place"})

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be named in one place: JSON Schemas of what is entered, and plain names below a word."""

    schemas: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]]
    plain: Mapping[str, tuple[tuple[str, Names], ...]] = field(default_factory=dict[str, tuple[tuple[str, Names], ...]])

    def fault(self, name: str) -> str | None:
        """What is wrong with a name here; None when it is all right."""
        root, *rest = name.split(".")
        if root in self.schemas:
            for where, schema in self.schemas[root]:
                if fault := _fault_in(schema, rest, f"{where}.properties"):
                    return f"names {name}, {fault}"
            return None
        if root in self.plain:
            for where, known in self.plain[root]:
                if rest[0] not in known:
                    return f"names {name}, which {_choice(rest[0], known, where)}"
            return None
        usable = ", ".join(f"{each}.*" for each in sorted({*self.schemas, *self.plain}))
        return f"names {name}, which has no value here; {usable} have"


def name_problems(manifest: Manifest) -> Iterator[Problem]:
    """Every template that names what has no value in its place."""
    yield from _judged(_settings(manifest), ((("hosts", str(at)), text) for at, text in enumerate(manifest.hosts)))
    for key, method in manifest.auth.items():
        yield from _of_method(manifest, key, method)
    called = _called(manifest)
    for part, path in ((manifest.api, ("api",)), (manifest.verification, ("verification",))):
        if part is not None:
            yield from _judged(called, walk(part, "template", path))
    for name, stream in manifest.streams.items():
        yield from _judged(called, walk(stream, "template", ("streams", name)))
    for name, action in manifest.actions.items():
        path = ("actions", name)
        entered = {**called.schemas, "input": (((".".join((*path, "input_schema"))), action.input_schema),)}
        yield from _judged(Reach(entered, called.plain), walk(action, "template", path))


def captured_by(method: AuthMethod) -> Names:
    """What of a token answer or of its steps an auth method keeps."""
    if isinstance(method, OAuth2):
        return frozenset({*method.capture, "id_token_claims"})
    if isinstance(method, Custom):
        return frozenset(name for step in method.steps for name in step.capture)
    return frozenset()


def _of_method(manifest: Manifest, key: str, method: AuthMethod) -> Iterator[Problem]:
    path = ("auth", key)
    entered = {**_settings(manifest).schemas, "credential": ((f"auth.{key}.fields", method.fields),)}
    captured = ((f"auth.{key}", captured_by(method)),)
    if isinstance(method, OAuth2):
        client = {"client": ((f"auth.{key}", _CLIENT),)}
        after = {**client, "captured": captured, "token": ((f"auth.{key}", _TOKEN),)}
        for at, text in walk(method, "template", path):
            yield from _judged(Reach(entered, after if at[2] in _AFTERWARDS else client), ((at, text),))
    elif isinstance(method, Custom):
        yield from _of_custom(method, path, entered)
    else:
        yield from _judged(Reach(entered), walk(method, "template", path))


def _of_custom(
    method: Custom, path: Path, entered: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]]
) -> Iterator[Problem]:
    where = ".".join(path)
    known: set[str] = set()
    for at, step in enumerate(method.steps):
        captured = ((f"{where}.steps", frozenset(known)),)
        yield from _judged(Reach(entered, {"captured": captured}), walk(step, "template", (*path, "steps", str(at))))
        known |= step.capture.keys()
    captured = {"captured": ((f"{where}.steps", frozenset(known)),)}
    if method.signature is not None:
        request = {**captured, "request": ((where, _REQUEST),)}
        yield from _judged(Reach(entered, request), walk(method.signature, "template", (*path, "signature")))
        captured["signature"] = ((where, _SIGNATURE),)
    for at, placement in enumerate(method.place):
        yield from _judged(Reach(entered, captured), walk(placement, "template", (*path, "place", str(at))))


def _settings(manifest: Manifest) -> Reach:
    return Reach({"settings": (("settings", manifest.settings),)})


def _called(manifest: Manifest) -> Reach:
    """What a call to the API may name: whatever every auth method has, since any of them may be the connection's."""
    fields = tuple((f"auth.{key}.fields", method.fields) for key, method in manifest.auth.items())
    captured = tuple((f"auth.{key}", captured_by(method)) for key, method in manifest.auth.items())
    return Reach({**_settings(manifest).schemas, "credential": fields}, {"captured": captured})


def _judged(reach: Reach, texts: Iterator[tuple[Path, Any]] | tuple[tuple[Path, Any], ...]) -> Iterator[Problem]:
    for path, text in texts:
        for name in names(text):
            if fault := reach.fault(name):
                yield Problem(".".join(path), fault)


def _fault_in(schema: Mapping[str, Any], parts: list[str], where: str) -> str | None:
    """Whether the schema of an object knows a name and sees to it that it has a value."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return None
    known = cast("dict[str, Any]", properties)
    if parts[0] not in known:
        return f"which {_choice(parts[0], frozenset(known), where)}"
    found = known[parts[0]]
    inner = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if parts[0] not in cast("list[str]", schema.get("required") or []) and "default" not in inner:
        return f"which may have no value; make it required in {where.removesuffix('.properties')}, or give it a default"
    return _fault_in(inner, parts[1:], f"{where}.{parts[0]}.properties") if len(parts) > 1 else None


def _choice(name: str, known: Names, where: str) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    if close:
        return f"is not in {where}; did you mean `{close[0]}`?"
    if known:
        return f"is not in {where}, which has {', '.join(sorted(known))}"
    return f"is not in {where}, which has none; add it there"
