"""PURE: Salesforce's outbound messages: SOAP without a signature, from an organization that is known by its id."""

from collections.abc import Sequence
from typing import Literal
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from worksphere_hub.inbound.schemes.scheme import (
    Answer,
    Received,
    Refused,
    Scheme,
    Verified,
    WeakSecret,
    fingerprint,
    require_fit,
)

_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
# The last three of 18 characters only say again which of the others are capitals.
_TELLING = 15
# It sends again, for a day, until it hears exactly this.
_TAKEN = Answer(
    "text/xml; charset=utf-8",
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>",
)


class Salesforce(Scheme):
    """Salesforce's outbound messages. The secret is the organization's id; the address is what nobody guesses."""

    scheme: Literal["salesforce"]

    def check_secret(self, secret: str) -> None:
        """Raise WeakSecret for what is no organization's id."""
        if not (secret.startswith("00D") and secret.isascii() and secret.isalnum() and len(secret) in {15, 18}):
            raise WeakSecret("is the organization's id: 15 or 18 characters that begin with 00D")

    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Compare the organization. The session that may come along opens its API: it is not kept."""
        try:
            root: Element = fromstring(received.body)
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            raise Refused("signature_malformed") from None
        organization = root.findtext(f".//{_OUTBOUND}OrganizationId") or ""
        if not organization:
            raise Refused("credential_missing")
        require_fit(organization[:_TELLING], [secret[:_TELLING] for secret in secrets])
        numbers = [each.text or "" for each in root.iterfind(f".//{_OUTBOUND}Notification/{_OUTBOUND}Id")]
        if not numbers or not all(numbers):
            raise Refused("signature_malformed")
        for session in root.iterfind(f".//{_OUTBOUND}SessionId"):
            session.text = None
        identity = fingerprint(*(number.encode() for number in sorted(numbers)))
        return Verified(identity, acknowledgement=_TAKEN, kept=tostring(root, encoding="utf-8", xml_declaration=True))
