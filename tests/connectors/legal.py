"""Holds every request of a connector against the vendor's own API description."""

import re
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

from tests.sandbox.oracle import Oracle, strict

# What a description does not know, and why that is legal all the same.
UNDESCRIBED = {
    "slack": {
        "/files.getUploadURLExternal": "newer than the description, which Slack stopped to publish",
        "/files.completeUploadExternal": "newer than the description",
        "/upload/v1/{id}": "an address that Slack names",
    },
    "drive": {
        "/upload/drive/v3/files": "described apart, under `upload`",
        "/upload/drive/v3/files/{id}": "described apart",
    },
    "zoom": {},
    "graph": {
        "/teams/{id}/channels/{id}/messages/{id}/softDelete": "an action that the cut leaves out",
        "/subscriptions/{id}/reauthorize": "an action that the cut leaves out",
    },
}
NEWER = {
    "slack": {"limit", "cursor", "include_all_metadata", "metadata", "team_id"},
    "drive": set(),
    "zoom": set(),
    "graph": {"$deltatoken", "$skiptoken"},  # out of links that Graph gives, to be used as they are
}
# Values that the vendor's pages list and its description does not.
NEWER_VALUES = {("/users/{userId}/meetings", "type", "previous_meetings")}
# Slack takes the token in a header, and reads by POST as well.
GIVEN = {"slack": {"token"}, "drive": set(), "zoom": set(), "graph": set()}
PREFIX = {"slack": "/api", "drive": "/drive/v3", "zoom": "/v2", "graph": "/v1.0"}
VENDORS = {"slack": "slack", "google": "drive", "zoom": "zoom", "microsoft": "graph"}


class Illegal(AssertionError):
    """A request that the vendor's description does not have."""


class Legal:
    """One vendor's description, asked about requests. `checked` are the operations that were met so far."""

    def __init__(self, vendor):
        self.vendor = vendor
        oracle = Oracle(vendor)
        self._paths = oracle._paths
        self._components = oracle._components
        self.checked = set()

    def check(self, request, path):
        """Raise Illegal unless the description has this; `path` is the whole one, below the vendor's host."""
        parts = urlsplit(path)
        template = self._template(parts.path)
        if template is None:
            return
        operations = self._paths[template]
        method = request.method.lower()
        operation = operations.get(method) or (next(iter(operations.values())) if self.vendor == "slack" else None)
        if operation is None:
            raise Illegal(f"{request.method} {template} is not described.")
        fields = [*parse_qsl(parts.query, keep_blank_values=True)]
        for name, value in request.query.items():
            fields += [(name, each) for each in ([value] if isinstance(value, str | int) else value)]
        body = _content(operation)
        form = dict(request.form or {})
        if "get" in operations and operation is operations["get"]:
            fields, form = [*fields, *form.items()], {}
        self._fields(template, operation, fields)
        if form:
            self._form(template, body, form)
        if request.json is not None:
            self._valid(template, body, request.json)
        self.checked.add((method, template))

    def _template(self, path):
        below = path.removeprefix(PREFIX[self.vendor])
        below = below.replace("/messages/delta", "/messages/microsoft.graph.delta()")
        found = [each for each in self._paths if _fits(each, below)]
        if found:
            return max(found, key=lambda each: each.count("/") * 100 - each.count("{"))
        if not any(_fits(each, below) or _fits(each, path) for each in UNDESCRIBED[self.vendor]):
            raise Illegal(f"{path} is not described.")
        return None

    def _fields(self, template, operation, fields):
        known = {}
        for each in operation.get("parameters", []):
            parameter = self._components["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            if parameter["in"] == "query":
                known[parameter["name"]] = parameter
        for name, value in fields:
            if (template, name, value) in NEWER_VALUES:
                continue
            if name in known:
                self._valid(f"{template}?{name}", strict(known[name]["schema"]), _read(value, known[name]["schema"]))
            elif name not in NEWER[self.vendor]:
                raise Illegal(f"{template} has no parameter {name}.")
        given = {name for name, _ in fields} | GIVEN[self.vendor]
        missing = [name for name, each in known.items() if each.get("required") and name not in given]
        if missing:
            raise Illegal(f"{template} needs {missing}.")

    def _form(self, template, body, form):
        known = (body or {}).get("properties", {})
        for name, value in form.items():
            if name in known:
                self._valid(f"{template} {name}", strict(known[name]), _read(value, known[name]))
            elif name not in NEWER[self.vendor]:
                raise Illegal(f"{template} has no field {name}.")
        missing = [name for name in (body or {}).get("required", []) if name not in form]
        if missing:
            raise Illegal(f"{template} needs {missing}.")

    def _valid(self, where, schema, value):
        if schema is None:
            raise Illegal(f"{where} takes no body.")
        whole = {**strict(schema), "components": self._components}
        try:
            jsonschema_rs.validator_for(whole).validate(value)
        except jsonschema_rs.ValidationError as error:
            raise Illegal(f"{where}: {error.message} at {list(error.instance_path)}") from None


def _content(operation):
    content = operation.get("requestBody", {}).get("content", {})
    return next((each["schema"] for each in content.values()), None)


def _fits(template, path):
    text = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(text, path) is not None


def _read(value, schema):
    """A parameter's text as what its schema says it is."""
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", str(value)):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", str(value)):
        return float(value)
    if kind == "boolean" and str(value) in {"true", "false"}:
        return str(value) == "true"
    if kind == "array":
        return str(value).split(",")
    return str(value) if kind == "string" else value
