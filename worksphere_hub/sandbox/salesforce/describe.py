"""PURE: what an object says of itself."""

from worksphere_hub.sandbox.salesforce.state import Field, Table
from worksphere_hub.sandbox.wire import Json

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "datetime": "xsd:dateTime", "date": "xsd:date",
    "int": "xsd:int", "currency": "xsd:double", "double": "xsd:double", "percent": "xsd:double",
}  # fmt: skip


def brief(table: Table, root: str) -> Json:
    """As the list of objects has it."""
    here = f"{root}/sobjects/{table.name}"
    custom = table.name.endswith("__c")
    return {
        "name": table.name, "label": table.label, "labelPlural": f"{table.label}s", "keyPrefix": table.prefix,
        "custom": custom, "customSetting": False, "activateable": False, "createable": not table.fixed,
        "deletable": not table.fixed, "updateable": True, "undeletable": not table.fixed, "queryable": True,
        "searchable": True, "retrieveable": True, "replicateable": not table.fixed, "mergeable": False,
        "layoutable": True, "triggerable": True, "feedEnabled": True, "deprecatedAndHidden": False,
        "hasSubtypes": False, "isSubtype": False, "isInterface": False,
        "urls": {"sobject": here, "describe": f"{here}/describe", "rowTemplate": f"{here}/{{ID}}"},
    }  # fmt: skip


def full(table: Table, root: str) -> Json:
    """As `describe` has it."""
    return {
        **brief(table, root), "fields": [field(one) for one in table.fields.values()], "childRelationships": [],
        "recordTypeInfos": [], "supportedScopes": [{"label": f"All {table.label}s", "name": "everything"}],
        "actionOverrides": [], "namedLayoutInfos": [], "compactLayoutable": True, "searchLayoutable": True,
    }  # fmt: skip


def field(rule: Field) -> Json:
    """One field."""
    written = not rule.system and not rule.compound
    return {
        "name": rule.name, "label": rule.name.removesuffix("__c").replace("_", " "), "type": rule.type,
        "soapType": _SOAP.get(rule.type, "xsd:string"), "length": rule.length, "byteLength": rule.length * 3,
        "nillable": not rule.required and not rule.system, "createable": written, "updateable": written,
        "custom": rule.name.endswith("__c"), "externalId": rule.external_id, "unique": rule.unique,
        "idLookup": rule.external_id or rule.name == "Id", "filterable": rule.type != "textarea",
        "sortable": rule.type != "textarea", "groupable": rule.type not in {"textarea", "datetime"},
        "nameField": rule.name == "Name", "calculated": False, "autoNumber": False, "caseSensitive": False,
        "defaultedOnCreate": rule.system or rule.default is not None or rule.type == "boolean",
        "defaultValue": rule.default, "deprecatedAndHidden": False, "encrypted": False, "precision": 0, "scale": 0,
        "digits": 0, "htmlFormatted": False, "inlineHelpText": None, "restrictedPicklist": False,
        "picklistValues": [
            {"active": True, "defaultValue": value == rule.default, "label": value, "validFor": None, "value": value}
            for value in rule.values
        ],
        "referenceTo": [rule.references] if rule.references else [],
        "relationshipName": rule.name.removesuffix("Id") if rule.references else None,
    }  # fmt: skip
