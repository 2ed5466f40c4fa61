"""For connectors whose other side does not speak HTTP, databases above all: they open connections of their own.

The hub checks where to: `reach` gives addresses that may be connected to, and those alone are; the host's name is kept
for TLS, which is verified unless the instance's settings say otherwise. Unlike others, such a connector is handed the
credential itself. Only code that came with the hub gets any of this.
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import BadSettings, Unexpected

# How a connection is protected: encrypted and the server's certificate verified, encrypted alone, or neither.
Tls = Literal["verify", "encrypt", "off"]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account a credential turned out to be: the other side's own id of it, and a name for people."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A host and port with the addresses behind it, best first, each of which may be connected to."""

    host: str
    port: int
    addresses: Sequence[str]


@runtime_checkable
class DirectApi(Api, Protocol):
    """A connection whose connector talks to the other side by itself."""

    @property
    def credential(self) -> Mapping[str, str]:
        """What was entered, by field."""
        ...

    @property
    def folder(self) -> Path | None:
        """The organization's own folder for files on the hub's machine; None where the operator gives none."""
        ...

    @property
    def taps(self) -> Path | None:
        """The operator's folder of programs that may be run; None where there is none."""
        ...

    async def reach(self, host: str, port: int) -> Reached:
        """Check where a connection is about to go. Raises BadSettings for what is not let out, Transient."""
        ...


def direct(api: Api) -> DirectApi:
    """The connection as one that is used directly. Raises Unexpected where the hub does not give that."""
    if not isinstance(api, DirectApi):
        raise Unexpected("This connector has to be opened as a direct one.")
    return api


def context(host: str, tls: Tls, authorities: str = "") -> ssl.SSLContext | None:
    """How to protect a connection to `host`, whichever of its addresses it goes to; None: not at all.

    `authorities` are certificates in PEM that are trusted instead of the system's. Raises BadSettings.
    """
    if tls == "off":
        return None
    made = _Named(ssl.PROTOCOL_TLS_CLIENT)
    made.name = host
    if tls == "encrypt":
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif authorities:
        try:
            made.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError):
            raise BadSettings("The authorities are no certificates in PEM.") from None
    else:
        made.load_default_certs()
    return made


class _Named(ssl.SSLContext):
    """Verifies the name that was asked for, where a driver only knows the address that it connects to."""

    name: str

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        return super().wrap_bio(*args, **{**named, "server_hostname": self.name})

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **{**named, "server_hostname": self.name})
