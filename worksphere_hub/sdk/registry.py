"""Where connectors are found: those that come along, and those that other packages bring as entry points."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules

from worksphere_hub.sdk.connector import Connector

BUILT_IN = "worksphere_hub.connectors"
GROUP = "worksphere_hub.connectors"


@cache
def names() -> dict[str, str]:
    """The module of each connector by its slug. A folder `microsoft_teams` is the connector `microsoft-teams`."""
    found: dict[str, str] = {}
    package = find_spec(BUILT_IN)
    if package is not None and package.submodule_search_locations is not None:
        for module in iter_modules(package.submodule_search_locations):
            if module.ispkg:
                found[module.name.replace("_", "-")] = f"{BUILT_IN}.{module.name}.connector"
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return found


@cache
def load(slug: str) -> Connector | None:
    """The connector of a slug, imported when it is first asked for; None where there is none in code."""
    module = names().get(slug)
    if module is None:
        return None
    connector = import_module(module).CONNECTOR
    if not isinstance(connector, Connector) or connector.manifest.slug != slug:
        raise TypeError(f"{module}.CONNECTOR is not the connector {slug}.")
    return connector
