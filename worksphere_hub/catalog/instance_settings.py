"""PURE: whether settings keep to what an integration asks for, and make addresses that it may talk to."""

from collections.abc import Mapping
from typing import Any

from worksphere_hub.catalog.definitions import with_defaults
from worksphere_hub.catalog.errors import InvalidSettings
from worksphere_hub.catalog.manifests import told
from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import contracts
from worksphere_hub.sdk.manifest import hosts
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill


def problems(manifest: Manifest, settings: Mapping[str, Any]) -> tuple[FieldProblem, ...]:
    """What is wrong with settings, by the paths of their fields; defaults count as given."""
    filled = with_defaults(manifest.settings, settings)
    found = contracts.fit(manifest.settings, filled, "settings")
    if found:
        return tuple(FieldProblem(each.field, each.message.replace("contract", "integration")) for each in found)
    return _address(manifest, filled)


def require(manifest: Manifest, settings: Mapping[str, Any]) -> None:
    """Raise InvalidSettings with what is wrong."""
    if found := problems(manifest, settings):
        raise InvalidSettings(told(found), problems=found)


def _address(manifest: Manifest, settings: Mapping[str, Any]) -> tuple[FieldProblem, ...]:
    if manifest.api is None:
        return ()
    values = {"settings": settings}
    try:
        url = fill(manifest.api.base_url, values)
    except TemplateFailed:
        return ()  # it also takes what only a connection has
    if hosts.allowed(manifest.hosts, values, url):
        return ()
    return (FieldProblem("settings", "make an address that this integration may not talk to; see its hosts"),)
