"""PURE: what a manifest asks for, and what one version asks for that another did not."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from worksphere_hub.catalog.schemas import ChangedNames, ChangeOut, Difference, Names, ScopeChanges, ScopeOut
from worksphere_hub.sdk.manifest.auth import AuthMethod, Custom, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.rules import order

_URLS = ("authorize_url", "token_url", "refresh_url", "revoke_url", "device_url")


def difference(before: Manifest, after: Manifest) -> Difference:
    """What the second asks for that the first did not, and what it asks for no more."""
    scopes = _scope_changes(before, after)
    hosts = _names(before.hosts, after.hosts)
    auth = _changed(before.auth, after.auth, _agreement)
    added_required = any(scope.required or scope.default for scope in scopes.added)
    return Difference(
        hosts=hosts,
        scopes=scopes,
        auth=auth,
        settings=_settings(before.settings, after.settings),
        asks_for_more=bool(hosts.added or scopes.added or auth.added or auth.changed),
        reconnect=bool(added_required or auth.removed or auth.changed),
    )


def scopes_of(manifest: Manifest) -> list[ScopeOut]:
    """Every permission that an account's owner may be asked for, with its sentence."""
    return [
        ScopeOut(
            name=name,
            sentence=scope.sentence,
            method=key,
            slot=scope.slot,
            default=scope.default,
            required=scope.required,
        )
        for key, method in manifest.auth.items()
        if isinstance(method, OAuth2)
        for name, scope in method.scopes.items()
    ]


def changes_between(manifest: Manifest, version: str) -> list[ChangeOut]:
    """What came after a version, the newest first."""
    newer = [change for change in manifest.changelog if order(change.version) > order(version)]
    return changelog(sorted(newer, key=lambda change: order(change.version), reverse=True))


def changelog(changes: Iterable[Any]) -> list[ChangeOut]:
    """Entries of a changelog as they are shown."""
    return [
        ChangeOut(version=change.version, date=change.date.isoformat(), changes=change.changes) for change in changes
    ]


def _scope_changes(before: Manifest, after: Manifest) -> ScopeChanges:
    old, new = ({(each.method, each.slot, each.name): each for each in scopes_of(part)} for part in (before, after))
    # A scope that was optional and is asked for now is a new one to whoever left it out.
    grown = [scope for key, scope in new.items() if key not in old or (_asked(scope) and not _asked(old[key]))]
    return ScopeChanges(added=grown, removed=[scope for key, scope in old.items() if key not in new])


def _asked(scope: ScopeOut) -> bool:
    return scope.default or scope.required


def _agreement(method: AuthMethod) -> object:
    """What an account's owner agreed to, scopes apart: where they sign in, what they enter, where it is sent."""
    agreed: list[object] = [method.type, _properties(method.fields).keys(), method.model_dump(include={"place"})]
    if isinstance(method, OAuth2):
        agreed += [method.grant, method.slots.keys(), *(_host(getattr(method, name)) for name in _URLS)]
    if isinstance(method, Custom):
        agreed += [_host(step.url) for step in method.steps]
    return agreed


def _host(url: str | None) -> str:
    return urlsplit(url or "").netloc


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> ChangedNames:
    required = set(after.get("required") or []) - set(before.get("required") or [])
    old, new = _properties(before), _properties(after)
    changes = _changed(old, new, _itself)
    changed = sorted({*changes.changed, *(required & old.keys() & new.keys())})
    return ChangedNames(added=changes.added, removed=changes.removed, changed=changed)


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", schema.get("properties") or {})


def _names(before: Iterable[str], after: Iterable[str]) -> Names:
    old, new = set(before), set(after)
    return Names(added=sorted(new - old), removed=sorted(old - new))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], of: Callable[[Any], object]) -> ChangedNames:
    names = _names(before, after)
    changed = sorted(name for name in before.keys() & after.keys() if of(before[name]) != of(after[name]))
    return ChangedNames(added=names.added, removed=names.removed, changed=changed)


def _itself(value: object) -> object:
    return value
