"""A connection as direct connectors see it: its credential, and where they may connect to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worksphere_hub.connections.broker import Ready
from worksphere_hub.connections.connectors import evaluate
from worksphere_hub.connections.errors import HostNotAllowed
from worksphere_hub.connections.models import ENTERED
from worksphere_hub.connections.settings import ConnectionSettings
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.direct import Reached
from worksphere_hub.sdk.errors import BadSettings, Transient, Unexpected
from worksphere_hub.security.egress import EgressClient, EgressRefused


class DirectAccountApi:
    """`sdk.direct.DirectApi` for one connection."""

    def __init__(self, egress: EgressClient, ready: Ready, settings: ConnectionSettings) -> None:
        """Put together from what the hub's settings let direct connectors have."""
        subject = ready.subject
        values = subject.values()
        self._egress = egress
        self._hosts = subject.hosts()
        self._settings: Mapping[str, Any] = values["settings"]
        self._captured: Mapping[str, Any] = values["captured"]
        self._credential: Mapping[str, str] = subject.contents.get(ENTERED, {}).get("fields", {})
        self._folder = None if settings.files is None else settings.files / str(subject.connection.org)
        self._taps = settings.taps

    @property
    def settings(self) -> Mapping[str, Any]:
        """The instance's settings."""
        return self._settings

    @property
    def captured(self) -> Mapping[str, Any]:
        """Nothing: no token was exchanged."""
        return self._captured

    @property
    def credential(self) -> Mapping[str, str]:
        """What was entered, by field."""
        return self._credential

    @property
    def folder(self) -> Path | None:
        """The organization's own folder for files; None where the operator gives none."""
        return self._folder

    async def reach(self, host: str, port: int) -> Reached:
        """Check where a connection is about to go. Raises BadSettings, Transient."""
        host = host.strip("[]")
        try:
            self._hosts.require_host(host)
            addresses = await self._egress.reach(host, port)
        except HostNotAllowed as refused:
            raise BadSettings(refused.detail) from None
        except EgressRefused as refused:
            if refused.reason == "unresolvable":
                raise Transient("The host's name does not resolve.", sent=False) from None
            raise BadSettings(f"The hub does not connect to {host}: {refused.detail}") from None
        return Reached(host, port, [str(each) for each in addresses])

    @property
    def taps(self) -> Path | None:
        """The operator's folder of programs; None where there is none."""
        return self._taps

    def evaluate(self, source: str, value: Any) -> Any:
        """Work out an expression that the settings brought. Raises Unexpected."""
        return evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        """Nothing is sent by HTTP here. Raises Unexpected."""
        raise Unexpected(f"{request.method} {request.path}: a direct connection has no HTTP API.")
