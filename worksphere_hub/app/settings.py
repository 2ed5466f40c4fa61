"""Settings: environment `HUB_*` over `hub.toml` over the defaults that stand beside the code that obeys them."""

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.catalog.settings import CatalogSettings
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.errors import HubError
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.security.redact import Secret
from worksphere_hub.webhooks.settings import WebhookSettings

PREFIX = "HUB_"


class InvalidSetting(HubError):
    """A setting cannot be used as it is."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True)
class EgressSettings:
    """Where the hub may connect to. By default: public addresses, by https."""

    allow: tuple[str, ...] = ()  # networks that are let through besides, e.g. 10.1.0.0/16; any port, also by http
    http: bool = False  # whether plain http is let through to public addresses
    ports: tuple[int, ...] = (443, 80, 8443)  # ports that are let through
    direct_ports: tuple[int, ...] = (3306, 5432)  # ports that are let through to what does not speak HTTP: databases
    reroutes: tuple[str, ...] = ()  # hosts that a stand-in answers for, e.g. zoom.us=http://127.0.0.1:4100/zoom
    proxy: Secret | None = None  # http://[login:password@]host:port through which everything leaves


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process of the hub can be told."""

    home: Path = Path(".hub")  # where a hub without a database of its own keeps its data and keys
    database_url: Secret | None = None  # PostgreSQL login of this process; unset: an embedded server in `home`
    owner_url: Secret | None = None  # login that owns the schema, for `migrate`; unset: database_url
    database_connections: int = 10  # connections of one process
    database_timeout: float = 30.0  # seconds that the database has to answer a statement; then it counts as away
    host: str = "127.0.0.1"  # address the API listens on
    port: int = 8080  # port the API listens on
    worker_port: int = 0  # port on which a worker serves /healthz, /readyz and /metrics; 0: none
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")  # proxies whose X-Forwarded-* is believed
    master_key: Secret | None = None  # base64 of 32 bytes; unset: master_key_file
    master_key_file: Path | None = None  # unset: `home`/master.key
    older_master_keys: tuple[Secret, ...] = ()  # base64 of master keys that still wrap something
    log_level: str = "info"  # debug, info, warning or error
    log_json: bool = True  # false: lines for a person at a terminal
    traces: bool = False  # a span for each line of the log, sent as OTEL_EXPORTER_OTLP_ENDPOINT says; takes [otel]
    events: EventSettings = field(default_factory=EventSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    inbound: InboundSettings = field(default_factory=InboundSettings)
    catalog: CatalogSettings = field(default_factory=CatalogSettings)
    connections: ConnectionSettings = field(default_factory=ConnectionSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)

    @property
    def run_folder(self) -> Path:
        """Where processes on this machine find each other's doorbells."""
        return self.home / "run"

    @property
    def inbound_run_folder(self) -> Path:
        """The same for the doorbells of what comes in."""
        return self.run_folder / "inbound"

    @property
    def key_file(self) -> Path:
        """The file of the master key."""
        return self.master_key_file or self.home / "master.key"


def load_settings(environment: Mapping[str, str] | None = None, file: Path = Path("hub.toml")) -> Settings:
    """Read the settings. Raises InvalidSetting, naming the one at fault; an unknown name is at fault too."""
    environment = os.environ if environment is None else environment
    given = _from_file(file) | {
        name.removeprefix(PREFIX).lower(): text for name, text in environment.items() if name.startswith(PREFIX)
    }
    values: dict[str, Any] = {}
    sections: dict[str, dict[str, Any]] = {}
    for name, (section, spec) in names().items():
        if name in given:
            target = sections.setdefault(section, {}) if section else values
            target[spec.name] = _convert(name, given.pop(name), _type_of(section, spec.name))
    # HUB_URL and HUB_API_KEY tell the command line which hub to talk to, HUB_TEST_* is the test suite's.
    unknown = [name for name in given if name not in {"url", "api_key"} and not name.startswith("test_")]
    if unknown:
        raise InvalidSetting(f"There is no setting {PREFIX}{unknown[0].upper()}. docs/reference/settings.md lists all.")
    for section, fields in sections.items():
        values[section] = _section_class(section)(**fields)
    return Settings(**values)


def names() -> dict[str, tuple[str, "dataclasses.Field[Any]"]]:
    """Every setting by its full name in lower case: its section ("" for the top) and its field."""
    found: dict[str, tuple[str, dataclasses.Field[Any]]] = {}
    for top in dataclasses.fields(Settings):
        section = _section_class(top.name)
        if section is None:
            found[top.name] = ("", top)
        else:
            found |= {f"{top.name}_{inner.name}": (top.name, inner) for inner in dataclasses.fields(section)}
    return found


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment that gives another process the same settings."""
    default = Settings()
    found: dict[str, str] = {}
    for name, (section, spec) in names().items():
        holder, standard = (getattr(settings, section), getattr(default, section)) if section else (settings, default)
        value = getattr(holder, spec.name)
        if value != getattr(standard, spec.name):
            found[PREFIX + name.upper()] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, tuple):
        return ",".join(_text(part) for part in typing.cast("tuple[object, ...]", value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section_class(name: str) -> Any:
    kind = typing.get_type_hints(Settings).get(name)
    return kind if dataclasses.is_dataclass(kind) else None


def _type_of(section: str, name: str) -> Any:
    return typing.get_type_hints(_section_class(section) if section else Settings)[name]


def _from_file(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{file} cannot be read: {error}") from None
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= {f"{name}_{inner}": each for inner, each in typing.cast("dict[str, Any]", value).items()}
        else:
            flat[name] = value
    return flat


_SIMPLE: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, Path: Path, Secret: Secret}
_YES_NO = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _convert(name: str, value: Any, kind: Any) -> Any:
    """Read a setting's text as its type; from a file, numbers and lists come as they are."""
    try:
        if isinstance(kind, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not type(None))
            return None if value == "" else _convert(name, value, kind)
        if typing.get_origin(kind) is tuple:
            given = typing.cast("list[Any]", value) if isinstance(value, list) else str(value).split(",")
            inner = typing.get_args(kind)[0]
            return tuple(_convert(name, part, inner) for part in given if str(part).strip())
        if kind is bool:
            return value if isinstance(value, bool) else _YES_NO[str(value).strip().lower()]
        return _SIMPLE[kind](str(value).strip())
    except (ValueError, KeyError):
        wanted = getattr(kind, "__name__", str(kind))
        raise InvalidSetting(f"{PREFIX}{name.upper()} must be of type {wanted}.") from None
