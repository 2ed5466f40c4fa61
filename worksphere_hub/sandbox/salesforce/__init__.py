"""Salesforce: REST, SOQL, composite, Bulk API 2.0, OAuth with refresh-token rotation, outbound messages."""
