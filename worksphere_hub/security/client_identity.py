"""The certificate that the hub shows to a receiver that asks for one (mutual TLS)."""

import hashlib
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from worksphere_hub import clock
from worksphere_hub.errors import FieldProblem, HubError


class IdentityRefused(HubError):
    """This client certificate cannot be used."""

    code = "client_certificate_refused"
    status = 422

    def __init__(self, what: str, field: str) -> None:
        super().__init__(what, problems=[FieldProblem(field, what)])


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """A certificate chain with its key, PEM. Connections made with one are used for nobody else's requests."""

    pem: bytes = field(repr=False)
    fingerprint: str


def read_identity(certificate: bytes, key: bytes, *, expired: bool = False) -> ClientIdentity:
    """Check a certificate chain, the leaf first, and its unencrypted key. Raises IdentityRefused.

    `expired` lets one through that was good when it was stored: the receiver will say what it thinks of it.
    """
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
    except (ValueError, IndexError):
        raise IdentityRefused("The certificate is not PEM.", "auth.certificate") from None
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise IdentityRefused("The key is not an unencrypted PEM key.", "auth.key") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise IdentityRefused("The key does not belong to the certificate.", "auth.key")
    if not expired and leaf.not_valid_after_utc <= clock.now():
        raise IdentityRefused("The certificate has expired.", "auth.certificate")
    pem = certificate.rstrip() + b"\n" + key
    return ClientIdentity(pem, hashlib.sha256(pem).hexdigest())
