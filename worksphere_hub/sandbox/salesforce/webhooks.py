"""Outbound messages: SOAP, unsigned, known by the organization's id and an address that nobody guesses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from worksphere_hub.sandbox.outbox import Delivery, Message, Reply
from worksphere_hub.sandbox.salesforce.state import Table, checksum
from worksphere_hub.sandbox.wire import Json

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
# For a day, with waits that double up to two hours.
_RETRIES = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, *([7200.0] * 11))
_ANSWER_SECONDS = 10.0


class Webhooks:
    """What Salesforce sends about records that were made or changed."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce

    def changed(self, table: Table, row: Json) -> list[Delivery]:
        """To each app that has a receiver for this object."""
        found: list[Delivery] = []
        for app in self._salesforce.book.apps.values():
            url = app.settings.get("outbound_url")
            if url and table.name in app.settings.get("objects", [table.name]):
                found += self.send(str(url), table, row)
        return found

    def send(self, url: str, table: Table, row: Json) -> list[Delivery]:
        """One notification to one address; only an Ack of true ends it."""
        body = self._envelope(table, row).encode()

        def sign(_number: int, _reason: str | None) -> Mapping[str, str]:
            return {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}

        message = Message("salesforce", table.name, url, body, sign, _RETRIES, _ANSWER_SECONDS, acknowledged)
        return self._salesforce.world.outbox.send(message)

    def _envelope(self, table: Table, row: Json) -> str:
        identities = self._salesforce.identities
        number = checksum(f"04l{identities.text('notification', 12)}")
        action = checksum(f"04k{identities.text('action', 12)}")
        organization = self._salesforce.seed["org_id"]
        fields = "".join(
            f"<sf:{name}>{escape(_text(row[name]))}</sf:{name}>"
            for name in table.fields
            if row.get(name) is not None and name != "IsDeleted"
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv={quoteattr(_SOAP)} '
            'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<soapenv:Body><notifications xmlns={quoteattr(_OUTBOUND)}>"
            f"<OrganizationId>{organization}</OrganizationId><ActionId>{action}</ActionId>"
            '<SessionId xsi:nil="true"/>'
            f"<EnterpriseUrl>{escape(self._salesforce.base)}/services/Soap/c/59.0</EnterpriseUrl>"
            f"<PartnerUrl>{escape(self._salesforce.base)}/services/Soap/u/59.0</PartnerUrl>"
            f'<Notification><Id>{number}</Id><sObject xsi:type="sf:{table.name}" '
            f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{fields}</sObject></Notification>'
            "</notifications></soapenv:Body></soapenv:Envelope>"
        )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def acknowledged(reply: Reply) -> bool:
    """Whether the receiver answered with an Ack of true."""
    if not reply.good:
        return False
    try:
        found = ET.fromstring(reply.body).find(f".//{{{_OUTBOUND}}}Ack")  # noqa: S314 - a developer's own receiver
    except ET.ParseError:
        return False
    return found is not None and (found.text or "").strip() == "true"
