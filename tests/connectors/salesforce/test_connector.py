"""The Salesforce connector against the sandbox's Salesforce, which is driven by simple-salesforce elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.connectors.sandbox_api import SandboxApi, everything
from tests.sandbox.receiver import receiving
from worksphere_hub.connectors.salesforce.calls import quoted
from worksphere_hub.connectors.salesforce.connector import CONNECTOR
from worksphere_hub.inbound.schemes.catalogue import scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Received
from worksphere_hub.sdk.errors import (
    AuthFailed,
    Conflict,
    Missing,
    RateLimited,
    Rejected,
    StateExpired,
    Transient,
    Unexpected,
)
from worksphere_hub.sdk.inbound import Message


@pytest.fixture
async def salesforce(sandbox):
    token = sandbox.tokens("salesforce")["access_token"]
    api = SandboxApi(sandbox, "/salesforce/services/data/v60.0", token, instance_url=f"{sandbox.url}/salesforce")
    yield api
    await api.close()


async def act(api, name, **given):
    return await CONNECTOR.actions[name].run(api, given)


@pytest.mark.parametrize("name", ["Account", "Contact", "Lead", "Opportunity", "User"])
async def test_reading_everything_twice_is_reading_it_once(salesforce, name):
    stream = CONNECTOR.streams[name]
    first, gone, state = await everything(stream, salesforce)
    second, _, _ = await everything(stream, salesforce)
    assert first
    assert first == second
    assert gone == set()
    assert state["since"] == max(record["SystemModstamp"] for record in first.values())
    described = await stream.describe(salesforce)
    assert set(next(iter(first.values()))) <= set(described.schema["properties"])


async def test_what_changed_and_what_is_gone_since(salesforce):
    stream = CONNECTOR.streams["Contact"]
    before, _, state = await everything(stream, salesforce)
    kept, deleted = sorted(before)[:2]
    await act(salesforce, "update_record", object="Contact", id=kept[0], fields={"Phone": "123"})
    await act(salesforce, "delete_record", object="Contact", id=deleted[0])
    made = await act(salesforce, "create_record", object="Contact", fields={"LastName": "O'Neil"})
    later, gone, state = await everything(stream, salesforce, state)
    assert gone == {deleted}
    assert later[kept]["Phone"] == "123"
    assert later[(made["id"],)]["LastName"] == "O'Neil"
    assert state["since"] >= later[(made["id"],)]["SystemModstamp"]
    soql = "SELECT Id FROM Contact WHERE LastName = " + quoted("O'Neil")
    found = await act(salesforce, "query", soql=soql)
    assert found == {"records": [{"Id": made["id"]}], "more": False}


async def test_many_pages_come_in_the_order_of_change(salesforce):
    records = [{"LastName": f"Person {number}", "External_Id__c": f"p{number}"} for number in range(450)]
    for begin in range(0, 450, 200):
        await act(
            salesforce,
            "upsert_records",
            object="Contact",
            external_field="External_Id__c",
            records=records[begin : begin + 200],
        )
    stamps = []
    async for page in CONNECTOR.streams["Contact"].read(salesforce, None):
        stamps += [record["SystemModstamp"] for record in page.records]
        assert page.state["since"] == stamps[-1]
    assert stamps == sorted(stamps)
    assert len(stamps) >= 450


async def test_a_bulk_read_gives_the_same_as_pages(salesforce):
    stream = CONNECTOR.streams["Account"]
    paged, _, _ = await everything(stream, salesforce)
    bulk, _, state = await everything(stream, salesforce, bulk=True)
    assert bulk == paged
    assert state["since"]


async def test_records_are_written_by_ids_of_ones_own(salesforce):
    given = {"object": "Contact", "external_field": "External_Id__c", "external_id": "a/b 1"}
    made = await act(salesforce, "upsert_record", **given, fields={"LastName": "One"})
    again = await act(salesforce, "upsert_record", **given, fields={"LastName": "Two"})
    assert (made["created"], again["created"]) == (True, False)
    rows = [
        {"External_Id__c": "r1", "LastName": "R"},
        {"External_Id__c": "r2"},
        {"External_Id__c": "a/b 1", "LastName": "Three"},
    ]
    done = await act(salesforce, "upsert_records", object="Contact", external_field="External_Id__c", records=rows)
    assert [(one["created"], bool(one["errors"])) for one in done] == [(True, False), (False, True), (False, False)]
    written = await act(
        salesforce, "bulk_write", object="Contact", operation="upsert", external_field="External_Id__c",
        records=[
            {"External_Id__c": "b1", "LastName": 'With "quotes", and\na line'},
            {"External_Id__c": "r1", "LastName": None},
        ],
    )  # fmt: skip
    assert [row["sf__Created"] for row in written["successful"]] == ["true"]
    assert len(written["failed"]) == 1
    assert "REQUIRED" in written["failed"][0]["sf__Error"]


async def test_a_change_by_somebody_else_is_a_conflict(salesforce):
    contacts, _, _ = await everything(CONNECTOR.streams["Contact"], salesforce)
    (identity,) = next(iter(contacts))
    earlier = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    given = {"object": "Contact", "id": identity, "fields": {"Phone": "1"}}
    with pytest.raises(Conflict):
        await act(salesforce, "update_record", **given, unmodified_since=earlier)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await act(salesforce, "update_record", **given, unmodified_since=later) == {"id": identity}
    assert await act(salesforce, "delete_record", object="Contact", id=identity) == {"deleted": True}
    assert await act(salesforce, "delete_record", object="Contact", id=identity) == {"deleted": False}


async def test_objects_are_discovered(salesforce):
    found = await CONNECTOR.discover(salesforce)
    assert {"Account", "Contact", "Lead", "Opportunity"} <= set(found)


async def test_what_goes_wrong_is_told_by_who_has_to_act(sandbox, salesforce):
    accounts = CONNECTOR.streams["Account"]
    with pytest.raises(StateExpired):
        await everything(accounts, salesforce, {"since": "2020-01-01T00:00:00.000+0000"})
    with pytest.raises(Rejected):
        await act(salesforce, "query", soql="SELECT nonsense")
    with pytest.raises(Missing):
        await act(salesforce, "update_record", object="Contact", id="0035g00000AAAAAAAA", fields={"Phone": "1"})
    salesforce.patient = False
    for fault, failure in (
        ("error", Transient), ("rate_limit", RateLimited), ("truncate", (Transient, Unexpected)),
        ("disconnect", Transient), ("expired_token", AuthFailed),
    ):  # fmt: skip
        sandbox.fault(fault, provider="salesforce")
        with pytest.raises(failure):
            await everything(accounts, salesforce)
        assert (await everything(accounts, salesforce))[0]


async def test_an_outbound_message_tells_of_each_record(sandbox, salesforce):
    inbound = CONNECTOR.inbound
    with receiving() as receiver:
        sandbox.call("PUT", "/receivers", provider="salesforce", url=receiver.url, objects=["Account"])
        made = await act(salesforce, "create_record", object="Account", fields={"Name": "A & B"})
        message = receiver.next()
        # What is kept of it has been through the scheme, and says the same.
        scheme = scheme_of("salesforce", {})
        told = Received("POST", (), "", (), message.body, 0.0)
        verified = verify(scheme, told, ("00D5g000000SbxQEAS",))
        for body in (message.body, verified.kept):
            (fact,) = inbound.read(Message({}, {}, body))
            assert (fact.type, fact.stream, fact.key) == ("salesforce.outbound_message", "Account", (made["id"],))
            assert (fact.account, fact.data["object"]) == ("00D5g000000SbxQEAS", "Account")
            assert fact.data["fields"]["Name"] == "A & B"
            assert fact.id
    for rubbish in (b"", b"not xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'):
        with pytest.raises(Unexpected):
            inbound.read(Message({}, {}, rubbish))
