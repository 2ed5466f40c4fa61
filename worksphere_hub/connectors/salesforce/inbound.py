"""What Salesforce sends: outbound messages of a flow or a workflow rule, up to a hundred records in one."""

from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told

_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class SalesforceInbound(Inbound):
    """Outbound messages. A person makes them at Salesforce, with the source's address as their endpoint."""

    scheme = "salesforce"

    def read(self, message: Message) -> list[Told]:
        """A fact for each record, with the fields that the message was made to hold."""
        try:
            root: Element = fromstring(message.body)
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            raise Unexpected("Salesforce's message is no XML.") from None
        organization = root.findtext(f".//{_OUTBOUND}OrganizationId")
        return [_told(each, organization) for each in root.iterfind(f".//{_OUTBOUND}Notification")]


def _told(notification: Element, organization: str | None) -> Told:
    number, record = notification.findtext(f"{_OUTBOUND}Id"), notification.find(f"{_OUTBOUND}sObject")
    if not number or record is None:
        raise Unexpected("Salesforce's notification has no id, or no record.")
    kind = (record.get(_TYPE) or "").rpartition(":")[2]
    fields: dict[str, Any] = {
        field.tag.rpartition("}")[2]: None if field.get(_NIL) == "true" else field.text or "" for field in record
    }
    identity = fields.get("Id")
    return Told(
        "salesforce.outbound_message",
        number,
        {"object": kind, "fields": fields},
        stream=kind or None,
        key=(identity,) if kind and identity else None,
        account=organization,
    )
