"""Change notifications, plain or with the message encrypted in them, and the life of subscriptions."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.clock import SandboxClock, iso
from worksphere_hub.sandbox.microsoft.state import Message, Thread
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.outbox import Message as Webhook
from worksphere_hub.sandbox.tokens import App
from worksphere_hub.sandbox.wire import Json

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Microsoft

# The application as which Microsoft sends notifications.
_PUBLISHER = "0bf30f3b-4a52-48df-9a82-234910c4a086"
_RETRIES = (10.0, 60.0, 300.0, 900.0, 3600.0, 7200.0)
_ANSWER_SECONDS = 10.0
# How long before its end a subscription's receiver is told to renew it.
_WARNING = timedelta(minutes=15)
LIFECYCLE = {"reauthorizationRequired", "subscriptionRemoved", "missed"}


@dataclass(slots=True)
class Subscription:
    """One subscription of an app (for somebody, or for itself)."""

    id: str
    app: App
    user: str | None
    wanted: Json
    expires: datetime
    certificate: str | None
    issuer: str
    warned: bool = False

    @property
    def url(self) -> str:
        """Where changes go."""
        return str(self.wanted["notificationUrl"])

    @property
    def lifecycle_url(self) -> str | None:
        """Where its own life is told."""
        return self.wanted.get("lifecycleNotificationUrl")

    def view(self) -> Json:
        """As Graph shows it; clientState and the certificate are not shown again."""
        return {
            "id": self.id, "resource": self.wanted["resource"], "applicationId": self.app.client_id,
            "changeType": self.wanted["changeType"], "clientState": None, "notificationUrl": self.url,
            "notificationQueryOptions": None, "lifecycleNotificationUrl": self.lifecycle_url,
            "expirationDateTime": iso(self.expires), "creatorId": self.user or self.app.client_id,
            "includeResourceData": self.certificate is not None, "latestSupportedTlsVersion": "v1_2",
            "encryptionCertificate": None, "encryptionCertificateId": self.wanted.get("encryptionCertificateId"),
            "notificationUrlAppId": None,
        }  # fmt: skip

    def wants(self, kind: str, thread: Thread) -> bool:
        """Whether it is about such a change there."""
        resource = str(self.wanted["resource"]).lstrip("/")
        own = f"teams/{thread.team}/channels/{thread.id}/messages" if thread.team else f"chats/{thread.id}/messages"
        whole = "teams/getAllMessages" if thread.team else "chats/getAllMessages"
        return kind in self.wanted["changeType"] and resource in {own, whole}


class Webhooks:
    """All subscriptions of the tenant."""

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft
        self.subscriptions: dict[str, Subscription] = {}

    def changed(self, kind: str, thread: Thread, message: Message) -> list[Delivery]:
        """A message was created, updated or deleted."""
        self.upkeep()
        found: list[Delivery] = []
        for one in list(self.subscriptions.values()):
            if one.wants(kind, thread):
                found += self._send(one, one.url, kind, self._change(one, kind, thread, message))
        return found

    def lifecycle(self, subscription: Subscription, event: str) -> list[Delivery]:
        """Something about the subscription itself; with `subscriptionRemoved` it is gone."""
        if event == "subscriptionRemoved":
            self.subscriptions.pop(subscription.id, None)
        if subscription.lifecycle_url is None:
            return []
        told = {**self._item(subscription), "lifecycleEvent": event}
        return self._send(subscription, subscription.lifecycle_url, event, {"value": [told]})

    def upkeep(self) -> None:
        """Warn of ends that come, forget those that came."""
        now = self._microsoft.world.clock.now()
        for one in list(self.subscriptions.values()):
            if one.expires <= now:
                del self.subscriptions[one.id]
            elif one.expires - _WARNING <= now and one.lifecycle_url and not one.warned:
                one.warned = True
                self.lifecycle(one, "reauthorizationRequired")

    def _item(self, subscription: Subscription) -> Json:
        return {
            "subscriptionId": subscription.id, "subscriptionExpirationDateTime": iso(subscription.expires),
            "clientState": subscription.wanted.get("clientState"), "tenantId": self._microsoft.state.tenant["id"],
            "organizationId": self._microsoft.state.tenant["id"],
        }  # fmt: skip

    def _change(self, subscription: Subscription, kind: str, thread: Thread, message: Message) -> Json:
        parent = message.view["replyToId"]
        tail = f"('{parent}')/replies('{message.view['id']}')" if parent else f"('{message.view['id']}')"
        resource = f"{thread.resource}{tail}"
        data = {"id": message.view["id"], "@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": resource}
        item = {**self._item(subscription), "changeType": kind, "resource": resource, "resourceData": data}
        body: Json = {"value": [item]}
        if subscription.certificate is not None:
            item["encryptedContent"] = _encrypted(subscription, message.view)
            body["validationTokens"] = [self._proof(subscription)]
        return body

    def _proof(self, subscription: Subscription) -> str:
        """By which a receiver knows that a notification with content is Microsoft's."""
        now = int(SandboxClock.wall())
        claims = {
            "aud": subscription.app.client_id, "iss": subscription.issuer, "iat": now, "nbf": now, "exp": now + 3600,
            "azp": _PUBLISHER, "appid": _PUBLISHER, "tid": self._microsoft.state.tenant["id"], "ver": "2.0",
        }  # fmt: skip
        return signing.signed(claims)

    def _send(self, subscription: Subscription, url: str, event: str, body: Json) -> list[Delivery]:
        text = json.dumps(body).encode()

        def sign(_number: int, _reason: str | None) -> Mapping[str, str]:
            return {"content-type": "application/json; charset=utf-8", "client-request-id": subscription.id}

        return self._microsoft.world.outbox.send(
            Webhook("microsoft", event, url, text, sign, _RETRIES, _ANSWER_SECONDS)
        )


def _encrypted(subscription: Subscription, view: Json) -> Json:
    """A message under a key of its own (AES-CBC), and that under the receiver's (RSA-OAEP)."""
    text = base64.b64decode(str(subscription.certificate))
    certificate = (
        x509.load_pem_x509_certificate(text) if text.startswith(b"-----") else x509.load_der_x509_certificate(text)
    )
    public = certificate.public_key()
    assert isinstance(public, RSAPublicKey)
    key = secrets.token_bytes(32)
    padder = PKCS7(128).padder()
    padded = padder.update(json.dumps(view).encode()) + padder.finalize()
    # That the first half of the key is the initialization vector is how Microsoft does it.
    cipher = Cipher(AES256(key), CBC(key[:16])).encryptor()
    data = cipher.update(padded) + cipher.finalize()
    scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the vendor's choice
    return {
        "data": base64.b64encode(data).decode(),
        "dataSignature": base64.b64encode(hmac.new(key, data, hashlib.sha256).digest()).decode(),
        "dataKey": base64.b64encode(public.encrypt(key, scheme)).decode(),
        "encryptionCertificateId": subscription.wanted["encryptionCertificateId"],
        "encryptionCertificateThumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - likewise
    }
