"""Salesforce's stand-in, driven by simple-salesforce; Salesforce publishes no description of its API to hold it to."""

import csv
import io
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)  # fmt: skip

from tests.sandbox.control import pkce

CLIENT, SECRET = "3MVGsandbox.worksphere.hub", "salesforce-sandbox-client-secret"
REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
START = "2026-05-06T12:00:00Z"

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")


@pytest.fixture
def sf(tls_sandbox):
    """The SDK, over TLS as it insists."""
    token = tls_sandbox.tokens("salesforce")
    with requests.Session() as session:
        session.verify, session.trust_env = False, False
        yield Salesforce(
            instance_url=token["instance_url"], session_id=token["access_token"], version="59.0", session=session
        )


def test_a_record_is_made_read_changed_and_gone(sf):
    made = sf.Account.create({"Name": "Hooli", "Industry": "Technology", "AnnualRevenue": 5})
    assert made["success"] is True
    assert len(made["id"]) == 18
    assert made["id"].startswith("001")
    found = sf.Account.get(made["id"])
    assert (found["Name"], found["AnnualRevenue"], found["attributes"]["type"]) == ("Hooli", 5.0, "Account")
    assert sf.Account.get(made["id"][:15])["Id"] == made["id"]
    assert sf.Account.update(made["id"], {"Name": "Hooli XYZ", "Industry": None}) == 204
    assert sf.Account.get(made["id"])["Industry"] is None
    assert sf.Account.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Account.get(made["id"])
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_objects_describe_themselves(sf):
    assert {one["name"] for one in sf.describe()["sobjects"]} >= {"Account", "Contact", "Lead", "Opportunity", "User"}
    fields = {one["name"]: one for one in sf.Contact.describe()["fields"]}
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["External_Id__c"]["externalId"] is True
    assert fields["SystemModstamp"]["updateable"] is False
    assert fields["LastName"]["nillable"] is False
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000


QUERIES = {
    "SELECT Name FROM Account WHERE Industry = 'Energy'": ["Globex"],
    "SELECT Name FROM Account WHERE Name LIKE 'i%' OR BillingCity IN ('Cork', 'Nowhere') ORDER BY Name DESC": [
        "O'Neill & Sons", "Initech",
    ],
    r"SELECT Name FROM Account WHERE Name = 'O\'Neill & Sons'": ["O'Neill & Sons"],
    "SELECT Name FROM Account WHERE NOT (Industry = 'Energy') AND NumberOfEmployees > 100": ["Initech"],
    "SELECT Name FROM Account WHERE NumberOfEmployees = null ORDER BY Name LIMIT 1 OFFSET 1": ["O'Neill & Sons"],
    "select name from account where systemmodstamp >= LAST_N_DAYS:5": ["O'Neill & Sons"],
    "SELECT Name FROM Contact WHERE Account.Name = 'Globex'": ["Hank Scorpio"],
    "SELECT Name FROM Account WHERE Name NOT IN ('Globex', 'Initech') ORDER BY SystemModstamp, Id": ["O'Neill & Sons"],
    "SELECT Name FROM Opportunity WHERE CloseDate > 2027-01-01 AND Amount >= 1000000.0": ["Globex doomsday device"],
}  # fmt: skip


def test_soql_finds_what_it_says(sf):
    found = {text: [one["Name"] for one in sf.query(text)["records"]] for text in QUERIES}
    assert found == QUERIES
    assert sf.query("SELECT COUNT() FROM Contact")["totalSize"] == 3
    joined = sf.query("SELECT LastName, Account.Name FROM Contact WHERE AccountId != null")["records"][0]
    assert joined["Account"]["Name"] == "Globex"
    assert len(sf.query("SELECT FIELDS(ALL) FROM Lead LIMIT 200")["records"][0]) > 10


def test_soql_that_is_wrong_is_refused_with_its_reason(sf):
    wrong = {
        "SELECT Nome FROM Account": "INVALID_FIELD",
        "SELECT Name FROM Acount": "INVALID_TYPE",
        "SELECT Name FORM Account": "MALFORMED_QUERY",
        "SELECT Name FROM Account WHERE Name = ": "MALFORMED_QUERY",
        "SELECT Name FROM Account GROUP BY Name": "MALFORMED_QUERY",
        "SELECT Name FROM Account WHERE Nome = 'x'": "INVALID_FIELD",
    }
    for text, code in wrong.items():
        with pytest.raises(SalesforceMalformedRequest) as refused:
            sf.query(text)
        assert refused.value.content[0]["errorCode"] == code, text


def test_a_page_leads_to_the_next_one(tls_sandbox):
    tls_sandbox.reset({"salesforce": {"batch": 2}})
    token = tls_sandbox.tokens("salesforce")
    with requests.Session() as session:
        session.verify, session.trust_env = False, False
        sf = Salesforce(instance_url=token["instance_url"], session_id=token["access_token"], session=session)
        first = sf.query("SELECT Id FROM Contact ORDER BY Id")
        assert (first["totalSize"], first["done"], len(first["records"])) == (3, False, 2)
        assert first["nextRecordsUrl"].startswith("/services/data/v59.0/query/01g")
        assert len(list(sf.query_all_iter("SELECT Id FROM Contact ORDER BY Id"))) == 3
        with pytest.raises(SalesforceMalformedRequest):
            sf.query_more("01gnone-2000", identifier_is_url=False)


def test_what_is_new_and_what_is_gone(tls_sandbox):
    tls_sandbox.reset({"start": START})
    token = tls_sandbox.tokens("salesforce")
    with requests.Session() as session:
        session.verify, session.trust_env = False, False
        sf = Salesforce(instance_url=token["instance_url"], session_id=token["access_token"], session=session)
        (kept,) = sf.query("SELECT Id FROM Account WHERE Name = 'Initech'")["records"]
        (gone,) = sf.query("SELECT Id FROM Contact WHERE LastName = 'Lumbergh'")["records"]
        begin = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
        tls_sandbox.advance(300)
        sf.Account.update(kept["Id"], {"Phone": "1"})
        sf.Contact.delete(gone["Id"])
        since = (
            "SELECT Id FROM Account WHERE SystemModstamp >= 2026-05-06T12:00:00Z ORDER BY SystemModstamp, Id LIMIT 10"
        )
        assert [one["Id"] for one in sf.query(since)["records"]] == [kept["Id"]]
        tls_sandbox.advance(120)
        end = begin + timedelta(minutes=6)
        updated = sf.Account.updated(begin, end)
        assert updated["ids"] == [kept["Id"]]
        assert updated["latestDateCovered"] == "2026-05-06T12:06:00.000+0000"
        deleted = sf.Contact.deleted(begin, end)
        assert [one["id"] for one in deleted["deletedRecords"]] == [gone["Id"]]
        assert sf.query("SELECT Id FROM Contact")["totalSize"] == 2
        everything = sf.query("SELECT Id, IsDeleted FROM Contact", include_deleted=True)["records"]
        assert {one["Id"] for one in everything if one["IsDeleted"]} == {gone["Id"]}
        with pytest.raises(SalesforceMalformedRequest) as early:
            sf.Contact.deleted(begin - timedelta(days=31), end)
        assert early.value.content[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_upsert_by_external_id_and_conditions(sf):
    assert sf.Account.upsert("External_Id__c/globex", {"Phone": "555"}) == 200
    assert sf.Account.upsert("External_Id__c/new%2Fone", {"Name": "New One"}) == 201
    found = sf.Account.get_by_custom_id("External_Id__c", "new/one")
    assert found["External_Id__c"] == "new/one"
    with pytest.raises(SalesforceMalformedRequest) as twice:
        sf.Account.create({"Name": "Twice", "External_Id__c": "globex"})
    assert twice.value.content[0]["errorCode"] == "DUPLICATE_VALUE"
    old = {"If-Unmodified-Since": format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)}
    with pytest.raises(SalesforceGeneralError) as changed:
        sf.Account.update(found["Id"], {"Phone": "1"}, headers=old)
    assert changed.value.status == 412
    later = {"If-Unmodified-Since": format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)}
    assert sf.Account.update(found["Id"], {"Phone": "1"}, headers=later) == 204


def test_a_record_that_breaks_a_rule_is_refused(sf):
    wrong = [
        (sf.Contact, {"FirstName": "Only"}, "REQUIRED_FIELD_MISSING"),
        (sf.Contact, {"LastName": "X", "Nickname": "x"}, "INVALID_FIELD"),
        (sf.Contact, {"LastName": "X", "Email": "nothing"}, "INVALID_EMAIL_ADDRESS"),
        (sf.Contact, {"LastName": "x" * 81}, "STRING_TOO_LONG"),
        (sf.Contact, {"LastName": "X", "CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (sf.Contact, {"LastName": "X", "AccountId": "001000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        (sf.Account, {"Name": "X", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR"),
    ]
    for kind, values, code in wrong:
        with pytest.raises(SalesforceMalformedRequest) as refused:
            kind.create(values)
        assert refused.value.content[0]["errorCode"] == code


def composite(sf, path, method="POST", **body):
    return sf.restful(f"composite{path}", method=method, json=body)


def test_composite_writes_many_rows_and_says_of_each(sf):
    rows = [{"attributes": {"type": "Contact"}, "LastName": name} for name in ("One", "Two")]
    bad = {"attributes": {"type": "Contact"}, "FirstName": "None"}
    some = composite(sf, "/sobjects", allOrNone=False, records=[*rows, bad])
    assert [one["success"] for one in some] == [True, True, False]
    assert some[2]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    none = composite(sf, "/sobjects", allOrNone=True, records=[*rows, bad])
    assert [one["errors"][0]["statusCode"] for one in none][:2] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2
    assert sf.query("SELECT COUNT() FROM Contact WHERE LastName IN ('One', 'Two')")["totalSize"] == 2
    changed = [{"attributes": {"type": "Contact"}, "Id": one["id"], "Title": "T"} for one in some[:2]]
    assert all(one["success"] for one in composite(sf, "/sobjects", "PATCH", records=changed))
    keyed = [{"attributes": {"type": "Contact"}, "External_Id__c": key, "LastName": key} for key in ("a", "b", "a")]
    upserted = composite(sf, "/sobjects/Contact/External_Id__c", "PATCH", records=keyed)
    assert [one["created"] for one in upserted] == [True, True, False]
    with pytest.raises(SalesforceMalformedRequest):
        composite(sf, "/sobjects", records=rows * 101)


def test_composite_requests_refer_to_each_other(sf):
    root = "/services/data/v59.0/sobjects"
    wanted = [
        {"method": "POST", "url": f"{root}/Account", "referenceId": "account", "body": {"Name": "Together"}},
        {"method": "POST", "url": f"{root}/Contact", "referenceId": "contact",
         "body": {"LastName": "Two", "AccountId": "@{account.id}"}},
        {"method": "GET", "url": f"{root}/Contact/@{{contact.id}}", "referenceId": "read"},
    ]  # fmt: skip
    answers = composite(sf, "", allOrNone=True, compositeRequest=wanted)["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [201, 201, 200]
    assert answers[2]["body"]["AccountId"] == answers[0]["body"]["id"]
    wanted[0]["body"]["Name"], wanted[1]["body"] = "Apart", {"FirstName": "None"}
    failed = composite(sf, "", allOrNone=True, compositeRequest=wanted)["compositeResponse"]
    assert [one["httpStatusCode"] for one in failed] == [400, 400]
    assert sf.query("SELECT COUNT() FROM Account WHERE Name = 'Apart'")["totalSize"] == 0


def test_bulk_writes_with_a_result_for_each_row(sf):
    rows = [
        {"External_Id__c": "globex", "Name": "Globex, Inc.", "Phone": ""},
        {"External_Id__c": "bulk-1", "Name": 'Bulk "One"', "Phone": "1"},
        {"External_Id__c": "bulk-2", "Name": "", "Phone": "2"},
    ]  # fmt: skip
    (done,) = sf.bulk2.Account.upsert(records=rows, external_id_field="External_Id__c", wait=0.01)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 1)
    good = list(csv.DictReader(io.StringIO(sf.bulk2.Account.get_successful_records(done["job_id"]))))
    assert [(one["sf__Created"], one["Name"]) for one in good] == [("false", "Globex, Inc."), ("true", 'Bulk "One"')]
    bad = list(csv.DictReader(io.StringIO(sf.bulk2.Account.get_failed_records(done["job_id"]))))
    assert bad[0]["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert bad[0]["External_Id__c"] == "bulk-2"
    assert len(sf.bulk2.Account.get_unprocessed_records(done["job_id"]).splitlines()) == 1


def test_bulk_reads_in_pages(sf):
    pages = list(
        sf.bulk2.Contact.query(
            "SELECT Id, Name, HasOptedOutOfEmail FROM Contact ORDER BY Name", max_records=2, wait=0.01
        )
    )
    read = [list(csv.DictReader(io.StringIO(page))) for page in pages]
    assert [[one["Name"] for one in page] for page in read] == [["Bill Lumbergh", "Hank Scorpio"], ["Zoë O'Neill"]]
    assert read[0][0]["HasOptedOutOfEmail"] == "false"


def test_a_days_requests_are_counted_and_end(tls_sandbox):
    tls_sandbox.reset({"salesforce": {"daily_requests": 2}})
    token = tls_sandbox.tokens("salesforce")
    with client(tls_sandbox, token["access_token"]) as api:
        first = api.get("/services/data/v59.0/limits")
        assert first.headers["sforce-limit-info"] == "api-usage=1/2"
        api.get("/services/data/v59.0/limits")
        over = api.get("/services/data/v59.0/limits")
        assert (over.status_code, over.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert "retry-after" not in over.headers


def client(sandbox, token):
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=sandbox.urls["salesforce"], headers=headers, verify=False, trust_env=False)


def token_of(sandbox, **fields):
    given = {"client_id": CLIENT, "client_secret": SECRET, **fields}
    return sandbox.http.post(f"{sandbox.urls['salesforce']}/services/oauth2/token", data=given)


def signed_in(sandbox):
    verifier, challenge = pkce()
    asked = {
        "client_id": CLIENT, "response_type": "code", "redirect_uri": REDIRECT, "scope": "api refresh_token",
        "code_challenge": challenge, "code_challenge_method": "S256", "state": "s",
    }  # fmt: skip
    address = f"{sandbox.urls['salesforce']}/services/oauth2/authorize"
    code = sandbox.consent(address, **asked)["code"]
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier}
    return token_of(sandbox, **given).json()


def test_an_app_must_use_pkce(sandbox):
    asked = {"client_id": CLIENT, "response_type": "code", "redirect_uri": REDIRECT}
    answer = sandbox.http.get(f"{sandbox.urls['salesforce']}/services/oauth2/authorize", params=asked)
    assert "error=invalid_request" in answer.headers["location"]


def test_tokens_say_no_expiry_and_reuse_of_an_old_one_ends_them_all(sandbox):
    first = signed_in(sandbox)
    assert "expires_in" not in first
    assert first["instance_url"] == sandbox.urls["salesforce"]
    assert abs(int(first["issued_at"]) / 1000 - time.time()) < 60
    fresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = token_of(sandbox, **fresh).json()
    assert second["refresh_token"] != first["refresh_token"]
    with client(sandbox, second["access_token"]) as api:
        assert api.get("/services/data/v59.0/").status_code == 200
        assert api.get("/services/oauth2/userinfo").json()["preferred_username"] == "ada@acme.example.sandbox"
        again = token_of(sandbox, **fresh)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        ended = api.get("/services/data/v59.0/")
        assert (ended.status_code, ended.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert token_of(sandbox, **{**fresh, "refresh_token": second["refresh_token"]}).status_code == 400


def test_a_session_ends_when_idle_and_a_refresh_token_after_thirty_days(sandbox):
    first = signed_in(sandbox)
    with client(sandbox, first["access_token"]) as api:
        for _ in range(3):
            sandbox.advance(7000)
            assert api.get("/services/data/v59.0/").status_code == 200
        sandbox.advance(7200)
        assert api.get("/services/data/v59.0/").status_code == 401
    sandbox.advance(30 * 86_400)
    assert token_of(sandbox, grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400


def test_introspection_and_revocation(sandbox):
    first = signed_in(sandbox)
    address = f"{sandbox.urls['salesforce']}/services/oauth2"
    given = {"token": first["access_token"], "client_id": CLIENT, "client_secret": SECRET}
    assert sandbox.http.post(f"{address}/introspect", data=given).json()["active"] is True
    assert sandbox.http.post(f"{address}/revoke", data={"token": first["refresh_token"]}).status_code == 200
    assert sandbox.http.post(f"{address}/introspect", data=given).json() == {"active": False}


def test_machines_sign_in_without_a_refresh_token(tls_sandbox):
    done = token_of(tls_sandbox, grant_type="client_credentials").json()
    assert "refresh_token" not in done
    with client(tls_sandbox, done["access_token"]) as api:
        assert api.get("/services/oauth2/userinfo").json()["email"] == "integration@acme.example"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kinds = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    settings = {"public_key": key.public_key().public_bytes(*kinds).decode()}
    tls_sandbox.call("POST", "/apps", provider="salesforce", client_id=CLIENT, settings=settings)

    def assertion(**claims):
        wanted = {"iss": CLIENT, "sub": "ada@acme.example.sandbox", "aud": "https://login.salesforce.com"}
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        body = {**wanted, "exp": int(time.time()) + 120, **claims}
        text = jwt.encode({"alg": "RS256"}, body, RSAKey.import_key(private))
        return token_of(tls_sandbox, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=text)

    assert assertion().json()["error_description"] == "user hasn't approved this consumer"
    tls_sandbox.call("POST", "/apps", provider="salesforce", client_id=CLIENT, settings={"preauthorized": True})
    assert "refresh_token" not in assertion().json()
    assert assertion(exp=int(time.time()) + 600).status_code == 400
    assert assertion(aud="https://elsewhere.example").status_code == 400
    assert assertion(sub="nobody").status_code == 400


def test_a_token_that_is_not_good_is_an_expired_session(sf, tls_sandbox):
    tls_sandbox.call("POST", "/tokens/end", provider="salesforce", how="revoke")
    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Account")


def test_changes_come_as_outbound_messages_until_they_are_acknowledged(sandbox, receiver):
    receiver.answer = lambda _request: (200, "text/plain", b"ok")
    sandbox.call("PUT", "/receivers", provider="salesforce", url=receiver.url, objects=["Account"])
    with client(sandbox, sandbox.tokens("salesforce")["access_token"]) as api:
        api.post("/services/data/v59.0/sobjects/Account", json={"Name": "A & B"})
        api.post("/services/data/v59.0/sobjects/Contact", json={"LastName": "Nobody asked"})
    sandbox.settle()
    (first,) = receiver.everything()
    assert b"<OrganizationId>00D5g000000SbxQEAS</OrganizationId>" in first.body
    assert b"<sf:Name>A &amp; B</sf:Name>" in first.body
    acknowledged = (
        b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
        b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
    )
    receiver.answer = lambda _request: (200, "text/xml", acknowledged)
    sandbox.advance(15)
    sandbox.settle()
    assert receiver.next().body == first.body
    assert [one["state"] for one in sandbox.call("GET", "/webhooks")["data"]] == ["delivered"]
