"""The Python client: publish events, verify messages, publish in your own transaction.

async with AsyncHub("https://hub.example.com", "whk_...") as hub:
    await hub.publish("invoice.paid", {"amount": 100})
"""

from worksphere_hub.client import outbox
from worksphere_hub.client.errors import (
    ClientError,
    Conflicting,
    HubRefused,
    HubUnavailable,
    Missing,
    NotAllowed,
    OutsideTransaction,
    Problem,
    TooMany,
    Unreachable,
    Unusable,
)
from worksphere_hub.client.hub import AsyncHub
from worksphere_hub.client.models import Event, Published, Refused
from worksphere_hub.client.retry import Patience
from worksphere_hub.client.sync import Hub
from worksphere_hub.client.verify import Message, verify
from worksphere_hub.security.signing import SignatureRefused

__all__ = [
    "AsyncHub",
    "ClientError",
    "Conflicting",
    "Event",
    "Hub",
    "HubRefused",
    "HubUnavailable",
    "Message",
    "Missing",
    "NotAllowed",
    "OutsideTransaction",
    "Patience",
    "Problem",
    "Published",
    "Refused",
    "SignatureRefused",
    "TooMany",
    "Unreachable",
    "Unusable",
    "outbox",
    "verify",
]
