"""PURE: what a manifest of the right shape can still have wrong in it, names of templates aside (see `scopes`)."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonschema_rs import Draft202012Validator, ReferencingError, ValidationError

from worksphere_hub.sdk.manifest import hosts
from worksphere_hub.sdk.manifest.api import Pagination
from worksphere_hub.sdk.manifest.auth import ApiKey, AuthMethod, Basic, Bearer, Custom, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.shape import Problem
from worksphere_hub.sdk.manifest.texts import walk

_URLS = ("token_url", "refresh_url", "revoke_url", "device_url")


def rule_problems(manifest: Manifest) -> Iterator[Problem]:
    """Everything that does not go together."""
    yield from _schemas(manifest)
    yield from _hosts(manifest)
    for key, method in manifest.auth.items():
        yield from _method(f"auth.{key}", method)
    yield from _calls(manifest)
    yield from _slots_and_scopes(manifest)
    yield from _changelog(manifest)


def _schemas(manifest: Manifest) -> Iterator[Problem]:
    for parts, schema in walk(manifest, "schema"):
        path = ".".join(parts)
        try:
            Draft202012Validator(schema, offline=True)
        except ValidationError as error:
            where = ".".join([path, *(str(part) for part in error.instance_path)])
            yield Problem(where, f"is not JSON Schema: {error.message}")
        except (ReferencingError, ValueError) as error:
            yield Problem(path, f"cannot be used as a JSON Schema: {error}")
        else:
            if parts[-1] != "record_schema":
                yield from _object(path, schema)
    yield from _entered("settings", manifest.settings, secrets=False)
    for key, method in manifest.auth.items():
        yield from _entered(f"auth.{key}.fields", method.fields, secrets=True)


def _object(path: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    if schema.get("type") != "object":
        yield Problem(f"{path}.type", "must be `object`")
    known = _properties(schema)
    for name in cast("list[str]", schema.get("required") or []):
        if name not in known:
            yield Problem(f"{path}.required", f"names {name}, which is not among the properties; describe it there")


def _entered(path: str, schema: Mapping[str, Any], *, secrets: bool) -> Iterator[Problem]:
    for name, found in _properties(schema).items():
        each = cast("dict[str, Any]", found) if isinstance(found, dict) else dict[str, Any]()
        if secrets and each.get("type") != "string":
            yield Problem(f"{path}.properties.{name}.type", "must be `string`: a credential is made of texts")
        if not secrets and each.get("writeOnly") is True:
            message = "is for secrets, and settings are not sealed; move the field to an auth method's `fields`"
            yield Problem(f"{path}.properties.{name}.writeOnly", message)


def _hosts(manifest: Manifest) -> Iterator[Problem]:
    for at, pattern in enumerate(manifest.hosts):
        if not hosts.is_pattern(pattern):
            yield Problem(f"hosts.{at}", "must be a host such as api.example.com, or *.example.com for all below one")
    for path, url in _urls(manifest):
        covered = hosts.is_covered(manifest.hosts, url)
        if covered is False:
            host = hosts.authority(url)
            message = "must be a URL such as https://api.example.com/v1"
            if host is not None:
                message = f"is at {host}, which no entry of `hosts` covers; add it there"
            elif url.startswith("${"):
                message = f"begins with a name, so `hosts` needs the entry {url.partition('/')[0]}, of a setting"
            yield Problem(path, message)


def _urls(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Whatever the hub itself calls. The authorize URL is opened by a browser, which brings no credential of ours."""
    for key, method in manifest.auth.items():
        if isinstance(method, OAuth2):
            for name in _URLS:
                if url := getattr(method, name):
                    yield f"auth.{key}.{name}", url
        if isinstance(method, Custom):
            yield from ((f"auth.{key}.steps.{at}.url", step.url) for at, step in enumerate(method.steps))
    if manifest.api is not None:
        yield "api.base_url", manifest.api.base_url
    yield from ((f"{path}.path", call.path) for path, call in calls(manifest) if "://" in call.path)


def calls(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    """Every call of a manifest to its API with its path."""
    if manifest.verification is not None:
        yield "verification", manifest.verification
    for name, method in manifest.auth.items():
        if method.verification is not None:
            yield f"auth.{name}.verification", method.verification
    yield from ((f"streams.{name}.call", stream.call) for name, stream in manifest.streams.items())
    yield from ((f"actions.{name}.call", action.call) for name, action in manifest.actions.items())


def _method(path: str, method: AuthMethod) -> Iterator[Problem]:
    if isinstance(method, OAuth2):
        yield from _oauth2(path, method)
    elif isinstance(method, Custom):
        yield from _custom(path, method)
    elif isinstance(method, ApiKey) and not method.place:
        yield Problem(f"{path}.place", "is missing: say in which header or query parameter the key goes")
    if isinstance(method, ApiKey | Basic | Bearer) and not _properties(method.fields):
        yield Problem(f"{path}.fields", "describes nothing to enter; add `properties`, secrets with `writeOnly: true`")


def _oauth2(path: str, method: OAuth2) -> Iterator[Problem]:
    needed = {
        "authorization_code": ("authorize_url",), "device_code": ("device_url",), "jwt_bearer": ("assertion",),
    }.get(method.grant, ())  # fmt: skip
    for name in needed:
        if getattr(method, name) is None:
            yield Problem(f"{path}.{name}", f"is missing: the grant {method.grant} needs it")
    if method.client_authentication == "private_key_jwt" and method.assertion is None:
        yield Problem(f"{path}.assertion", "is missing: private_key_jwt needs it")
    if method.sends_issuer and method.issuer is None:
        yield Problem(f"{path}.issuer", "is missing: an issuer that is sent is compared with it")
    if not method.slots:
        yield Problem(f"{path}.slots", "needs at least one slot, `main`")
    for name, scope in method.scopes.items():
        if scope.slot not in method.slots:
            slots = ", ".join(method.slots)
            yield Problem(f"{path}.scopes.{name}.slot", f"is {scope.slot}, which is not among the slots: {slots}")


def _custom(path: str, method: Custom) -> Iterator[Problem]:
    if not method.steps and method.signature is None and not method.place:
        yield Problem(path, "does nothing: a custom method has steps, a signature or places")
    seen: set[str] = set()
    for at, step in enumerate(method.steps):
        if step.name in seen:
            yield Problem(f"{path}.steps.{at}.name", f"is {step.name} for the second time; give each step its own name")
        seen.add(step.name)
        if step.form is not None and step.json_body is not None:
            yield Problem(f"{path}.steps.{at}", "has both form and json_body; a request has one body")
        if step.method == "GET" and (step.form is not None or step.json_body is not None):
            yield Problem(f"{path}.steps.{at}", "is a GET with a body; use query, or POST")


def _calls(manifest: Manifest) -> Iterator[Problem]:
    if manifest.api is None:
        parts = ("verification", "streams", "actions")
        yield from (
            Problem(name, "has calls, and there is no `api` to call; add it")
            for name in parts
            if getattr(manifest, name)
        )
    for path, call in calls(manifest):
        if not call.path.startswith(("/", "http://", "https://")):
            yield Problem(f"{path}.path", "must begin with / (it follows the base URL), or be a whole URL")
    pages = [("api.pagination", manifest.api.pagination)] if manifest.api is not None else []
    pages += [(f"streams.{name}.pagination", stream.pagination) for name, stream in manifest.streams.items()]
    for path, pagination in pages:
        if pagination is not None:
            yield from _pagination(path, pagination)
    for name, stream in manifest.streams.items():
        if stream.cursor_parameter is not None and stream.cursor_field is None:
            yield Problem(
                f"streams.{name}.cursor_field", "is missing: cursor_parameter is filled with its highest value"
            )
    rates = [rate.name for rate in manifest.api.rates] if manifest.api is not None else []
    for at, name in enumerate(rates):
        if name in rates[:at]:
            yield Problem(f"api.rates.{at}.name", f"is {name} for the second time; give each rule its own name")


def _pagination(path: str, pagination: Pagination) -> Iterator[Problem]:
    if pagination.kind in {"cursor", "page", "offset"} and pagination.parameter is None:
        yield Problem(f"{path}.parameter", f"is missing: the query parameter that the {pagination.kind} goes into")
    if pagination.kind in {"cursor", "next_url"} and pagination.cursor is None:
        yield Problem(f"{path}.cursor", "is missing: an expression on the body that gives what comes next")
    if pagination.where == "body" and pagination.kind in {"next_url", "link"}:
        yield Problem(
            f"{path}.where", f"says body: an address takes a request's place; leave it out for {pagination.kind}"
        )
    if (pagination.size is None) != (pagination.size_parameter is None):
        yield Problem(path, "has one of size and size_parameter; it takes both or neither")
    if pagination.kind == "offset" and pagination.size is None:
        yield Problem(f"{path}.size", "is missing: an offset grows by it")


def _slots_and_scopes(manifest: Manifest) -> Iterator[Problem]:
    methods = [method for method in manifest.auth.values() if isinstance(method, OAuth2)]
    slots = {slot for method in methods for slot in method.slots} | {"main"}
    scopes = {scope for method in methods for scope in method.scopes}
    for path, call in calls(manifest):
        if call.slot not in slots:
            yield Problem(
                f"{path}.slot", f"is {call.slot}, which no auth method has; known: {', '.join(sorted(slots))}"
            )
    used = [(f"streams.{name}.scopes", stream.scopes) for name, stream in manifest.streams.items()]
    used += [(f"actions.{name}.scopes", action.scopes) for name, action in manifest.actions.items()]
    for path, wanted in used:
        for at, scope in enumerate(wanted):
            if scope not in scopes:
                yield Problem(f"{path}.{at}", f"is {scope}, which no auth method asks for; add it to its `scopes`")


def _changelog(manifest: Manifest) -> Iterator[Problem]:
    known: set[str] = set()
    for at, change in enumerate(manifest.changelog):
        if change.version in known:
            yield Problem(f"changelog.{at}.version", f"is {change.version} for the second time")
        known.add(change.version)
        if order(change.version) > order(manifest.version):
            yield Problem(f"changelog.{at}.version", f"is {change.version}, newer than the manifest's own version")


def order(version: str) -> tuple[int, ...]:
    """What versions are ordered by."""
    return tuple(int(part) for part in version.split("."))


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
