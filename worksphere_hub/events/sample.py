"""PURE: a sample made up from a schema, always the same one, for event types whose author gave none."""

from typing import Any, cast

from worksphere_hub.events.contracts import fit
from worksphere_hub.events.schema_limits import resolve

_DEPTH = 12  # levels of a schema that contains itself
_PARTS = 2_000  # values in one sample
_BY_FORMAT = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/a",
    "iri-reference": "/a",
    "uri-template": "/a/{id}",
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "json-pointer": "/a",
    "relative-json-pointer": "0",
    "regex": "a+",
}
_ORDER = ("object", "string", "integer", "number", "boolean", "array", "null")


def make_sample(schema: dict[str, Any]) -> Any:
    """A value that keeps to the schema, made of its examples, defaults and bounds; None when none was found."""
    try:
        found = _Maker(schema).of(schema, 0)
    except (_Nothing, RecursionError):
        return None
    return None if fit(schema, found) else found


class _Nothing(Exception):
    """No value is in sight here."""


class _Maker:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._left = _PARTS

    def of(self, schema: Any, depth: int) -> Any:
        """A value for one subschema."""
        self._left -= 1
        if schema is False or depth > _DEPTH or self._left < 0:
            raise _Nothing
        node = self._merged(schema, 0)
        for name in ("examples", "enum"):
            if isinstance(node.get(name), list) and node[name]:
                return node[name][0]
        for name in ("const", "default"):
            if name in node:
                return node[name]
        return self._typed(node, _type_of(node), depth)

    def _typed(self, node: dict[str, Any], kind: str, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(node, depth)
            case "array":
                return self._array(node, depth)
            case "string":
                return _string(node)
            case "integer" | "number":
                return _number(node)
            case "boolean":
                return True
            case _:
                return None

    def _object(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = node.get("properties", {})
        needed: list[str] = node.get("required", [])
        made: dict[str, Any] = {}
        for name, schema in fields.items():
            try:
                made[name] = self.of(schema, depth + 1)
            except _Nothing:
                if name in needed:
                    raise
        for name in needed:
            if name not in made:
                made[name] = self.of(node.get("additionalProperties", True), depth + 1)
        return made

    def _array(self, node: dict[str, Any], depth: int) -> list[Any]:
        items = node.get("items", True)
        first: list[Any] = cast("list[Any]", items) if isinstance(items, list) else node.get("prefixItems", [])
        made = [self.of(schema, depth + 1) for schema in first]
        rest: Any = True if isinstance(items, list) else items
        wanted = node.get("minItems", 0 if made or rest is True else 1)
        try:
            while len(made) < min(wanted, 100):
                made.append(self.of(rest, depth + 1))
        except _Nothing:
            if len(made) < node.get("minItems", 0):
                raise
        return made

    def _merged(self, schema: Any, depth: int) -> dict[str, Any]:
        """A subschema with its reference, all of `allOf` and the first alternative laid over each other."""
        if not isinstance(schema, dict) or depth > _DEPTH:
            return {}
        node = dict(cast("dict[str, Any]", schema))
        parts = [resolve(self._root, node.pop("$ref"))] if isinstance(node.get("$ref"), str) else []
        parts += node.pop("allOf", [])
        for name in ("oneOf", "anyOf"):
            parts += node.pop(name, [])[:1]
        for part in parts:
            for name, value in self._merged(part, depth + 1).items():
                if name == "properties":
                    node[name] = {**value, **node.get(name, {})}
                elif name == "required":
                    node[name] = [*node.get(name, []), *value]
                else:
                    node.setdefault(name, value)
        return node


def _type_of(node: dict[str, Any]) -> str:
    named = node.get("type")
    if isinstance(named, list):
        return next((name for name in _ORDER if name in named), "null")
    if isinstance(named, str):
        return named
    if "properties" in node or "required" in node:
        return "object"
    return "array" if "items" in node or "prefixItems" in node else "string"


def _string(node: dict[str, Any]) -> str:
    text = _BY_FORMAT.get(node.get("format", ""), "text")
    least = min(node.get("minLength", 0), 10_000)
    longer = text if len(text) >= least else text + "x" * (least - len(text))
    return longer[: node.get("maxLength", len(longer))]


def _number(node: dict[str, Any]) -> int | float:
    step = node.get("multipleOf", 1)
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    found = 1 if low is None else low
    if high is not None and found > high:
        found = high
    found = -(-found // step) * step
    if found == node.get("exclusiveMinimum"):
        found += step
    if found == node.get("exclusiveMaximum") or (high is not None and found > high):
        found -= step
    return found
