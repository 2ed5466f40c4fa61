"""What a connector is: a manifest, and code for what a manifest cannot say."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from worksphere_hub.sdk.action import Action
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.direct import Account
from worksphere_hub.sdk.inbound import Inbound
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.stream import Stream


@dataclass(frozen=True, slots=True)
class Connector:
    """Knows one provider. Its names of streams and actions are those of the manifest.

    `check` says whose account the credential is, in place of the manifest's verification call: it fails with AuthFailed
    where the credential is not taken. A connector with `direct` is handed the credential (see `sdk.direct`).
    """

    manifest: Manifest
    streams: Mapping[str, Stream] = field(default_factory=dict[str, Stream])
    actions: Mapping[str, Action] = field(default_factory=dict[str, Action])
    inbound: Inbound | None = None
    check: Callable[[Api], Awaitable[Account]] | None = None
    direct: bool = False

    async def discover(self, api: Api) -> dict[str, Stream]:
        """The streams that this account has: for most providers always the same."""
        del api
        return dict(self.streams)
