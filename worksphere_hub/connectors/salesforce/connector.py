"""Salesforce: objects by the time of their change, and what was deleted; records by ids of one's own; bulk jobs."""

from worksphere_hub.connectors.salesforce.actions import actions
from worksphere_hub.connectors.salesforce.calls import call
from worksphere_hub.connectors.salesforce.inbound import SalesforceInbound
from worksphere_hub.connectors.salesforce.streams import record_stream
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.beside import manifest_beside
from worksphere_hub.sdk.stream import Stream

_COMMON = {
    "Account": "Accounts", "Contact": "Contacts", "Lead": "Leads", "Opportunity": "Opportunities", "User": "Users",
}  # fmt: skip


class Salesforce(Connector):
    """Every organization has objects of its own, so that its streams are what it says."""

    async def discover(self, api: Api) -> dict[str, Stream]:
        """All objects that can be queried and know when they were changed."""
        found = await call(api, "GET", "/sobjects")
        return {
            each["name"]: record_stream(each["name"], each.get("labelPlural") or each["name"])
            for each in found["sobjects"]
            if each.get("queryable") and each.get("replicateable", True)
        }


CONNECTOR = Salesforce(
    manifest_beside(__file__),
    {name: record_stream(name, title) for name, title in _COMMON.items()},
    actions(),
    SalesforceInbound(),
)
