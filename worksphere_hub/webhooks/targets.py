"""All that is needed to send to an endpoint, made ready once for many deliveries."""

from dataclasses import dataclass

from worksphere_hub.security.encrypted_body import ReceiverKey
from worksphere_hub.security.signing_ed25519 import SigningKey
from worksphere_hub.webhooks.destinations.destination import Destination, Ready
from worksphere_hub.webhooks.receiver_auth import ReceiverAuth
from worksphere_hub.webhooks.retry import RetryPolicy
from worksphere_hub.webhooks.shape import Shape


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to send. `shape` is None where messages go out as they are; the newest signing key comes first.

    With a `destination`, `url` is its address, and `ready` what its requests are signed with.
    """

    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    keys: tuple[bytes, ...]
    asymmetric_keys: tuple[SigningKey, ...]
    shape: Shape | None
    receiver_key: ReceiverKey | None
    auth: ReceiverAuth | None
    policy: RetryPolicy
    on_exhausted: str
    destination: Destination | None = None
    ready: Ready = None
