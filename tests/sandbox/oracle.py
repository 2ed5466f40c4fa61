"""Holds live answers against the vendors' own API descriptions."""

import json
from pathlib import Path

import jsonschema_rs

HERE = Path(__file__).parent / "official"


class Oracle:
    """One vendor's description. `newer` are fields that the vendor has added since, taken out wherever they stand."""

    def __init__(self, vendor, newer=()):
        document = json.loads((HERE / f"{vendor}.json").read_text())
        self._paths = document["paths"]
        self._components = strict(document.get("components", {}))
        self._newer = set(newer)
        self.checked = set()

    def check(self, method, path, body, status="200"):
        """Raise unless this is an answer to the operation as its description has it."""
        responses = self._paths[path][method]["responses"]
        found = responses.get(status) or responses["2XX"]
        if "$ref" in found:
            *_, name = found["$ref"].split("/")
            found = self._components["responses"][name]
        content = found["content"]
        kind = next(name for name in content if "json" in name)
        schema = {**strict(content[kind]["schema"]), "components": self._components}
        jsonschema_rs.validator_for(schema).validate(without(body, self._newer))
        self.checked.add((method, path))


def strict(node):
    """A schema of OpenAPI 3.0 as JSON Schema: what may be null says so in its type."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: strict(value) for key, value in node.items() if key != "nullable"}
    if isinstance(made.get("required"), list):
        # OData's own annotation, which the service sends only where the type is not the declared one.
        made["required"] = [name for name in made["required"] if name != "@odata.type"]
        if not made["required"]:
            del made["required"]
    if node.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def without(body, names):
    """A body without some fields, wherever they stand."""
    if isinstance(body, list):
        return [without(item, names) for item in body]
    if isinstance(body, dict):
        return {key: without(value, names) for key, value in body.items() if key not in names}
    return body
