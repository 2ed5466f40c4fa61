"""Microsoft's stand-in: tokens by Microsoft's own library, answers against Microsoft's own description of Graph."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import time
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.sandbox.control import pkce
from tests.sandbox.oracle import Oracle

CLIENT, SECRET = "11111111-2222-4333-8444-555555555555", "microsoft-sandbox-client-secret"
TENANT = "72f988bf-5a0d-4b6f-8c11-5a4db0c0ffee"
TEAM, CHANNEL = "bbbbbbbb-0000-4000-8000-000000000001", "19:engineeringgeneral@thread.tacv2"
MESSAGES = f"/teams/{TEAM}/channels/{CHANNEL}/messages"
CHAT = "/chats/19:adagrace@unq.gbl.spaces"
REDIRECT = "http://127.0.0.1:8080/v1/oauth/callback"
# In Graph by now and not in its description of then.
NEWER = {"organizationId", "replies"}

pytestmark = [
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
    # The library would rather be posted to; the hub is sent back to by a redirect.
    pytest.mark.filterwarnings("ignore:response_mode"),
]


@pytest.fixture
def ada(sandbox):
    with caller(sandbox, sandbox.tokens("microsoft", account="ada@acme.example")["access_token"]) as client:
        yield client


@pytest.fixture
def app(sandbox):
    """Graph as the application itself."""
    given = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    with caller(sandbox, token_of(sandbox, TENANT, **given).json()["access_token"]) as client:
        yield client


@pytest.fixture
def limited():
    """Asked for by a test in which the limits are to hold."""


@pytest.fixture(autouse=True)
def unlimited(request, sandbox):
    if "limited" not in request.fixturenames:
        sandbox.call("PATCH", "/settings", limits=False)


def caller(sandbox, token):
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{sandbox.urls['microsoft']}/v1.0", headers=headers, trust_env=False)


def token_of(sandbox, tenant, **fields):
    given = {"client_id": CLIENT, "client_secret": SECRET, **fields}
    return sandbox.http.post(f"{sandbox.urls['microsoft']}/{tenant}/oauth2/v2.0/token", data=given)


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_answers_are_as_microsoft_describes_them(ada, app):
    oracle, whole = Oracle("graph", NEWER), "/teams/{team-id}/channels/{channel-id}/messages"
    reads = {
        "/me": "/me",
        "/me/joinedTeams": "/me/joinedTeams",
        "/teams/{team-id}": f"/teams/{TEAM}",
        "/teams/{team-id}/channels": f"/teams/{TEAM}/channels",
        "/teams/{team-id}/members": f"/teams/{TEAM}/members",
        "/teams/{team-id}/channels/{channel-id}": f"/teams/{TEAM}/channels/{CHANNEL}",
        whole: f"{MESSAGES}?$expand=replies",
        f"{whole}/microsoft.graph.delta()": f"{MESSAGES}/delta",
        "/chats": "/chats",
        "/chats/{chat-id}": CHAT,
        "/chats/{chat-id}/messages": f"{CHAT}/messages",
        "/organization": "/organization",
    }
    for path, address in reads.items():
        answer = ada.get(address)
        assert answer.status_code == 200, answer.text
        oracle.check("get", path, answer.json())
    oracle.check("get", "/users", app.get("/users").json())
    made = ada.post(MESSAGES, json={"body": {"content": "hello"}})
    oracle.check("post", whole, made.json(), "201")
    one = f"{MESSAGES}/{made.json()['id']}"
    oracle.check("get", f"{whole}/{{chatMessage-id}}", ada.get(one).json())
    reply = ada.post(f"{one}/replies", json={"body": {"contentType": "html", "content": "<b>hi</b>"}})
    oracle.check("post", f"{whole}/{{chatMessage-id}}/replies", reply.json(), "201")
    oracle.check("get", f"{whole}/{{chatMessage-id}}/replies", ada.get(f"{one}/replies").json())
    oracle.check(
        "post", "/chats/{chat-id}/messages", ada.post(f"{CHAT}/messages", json={"body": {"content": "x"}}).json(), "201"
    )


def test_messages_are_sent_changed_and_deleted(ada, sandbox):
    made = ada.post(MESSAGES, json={"body": {"content": "hello"}}).json()
    one = f"{MESSAGES}/{made['id']}"
    assert ada.patch(one, json={"body": {"content": "hello!"}}).status_code == 204
    assert ada.get(one).json()["body"]["content"] == "hello!"
    assert ada.post(f"{one}/softDelete").status_code == 204
    gone = ada.get(one).json()
    assert (gone["body"]["content"], gone["deletedDateTime"] is not None) == ("", True)
    newest = ada.get(MESSAGES).json()["value"]
    assert [message["id"] for message in newest] == sorted((message["id"] for message in newest), reverse=True)
    foreign = next(message for message in newest if message["from"]["user"]["displayName"] == "Grace Hopper")
    assert code_of(ada.patch(f"{MESSAGES}/{foreign['id']}", json={"body": {"content": "x"}})) == (403, "Forbidden")
    assert code_of(ada.post(MESSAGES, json={"body": {}})) == (400, "BadRequest")
    assert code_of(ada.get(f"{MESSAGES}/1")) == (404, "NotFound")
    assert code_of(ada.get("/chats/19:gracealan@unq.gbl.spaces")) == (404, "NotFound")
    with caller(sandbox, sandbox.tokens("microsoft", account="alan@acme.example")["access_token"]) as alan:
        assert code_of(alan.get(MESSAGES)) == (403, "Forbidden")
        assert alan.get("/me/joinedTeams").json()["value"] == []
    with caller(sandbox, sandbox.tokens("microsoft", scopes=["User.Read"])["access_token"]) as poor:
        assert code_of(poor.get(MESSAGES)) == (403, "Forbidden")
        assert set(poor.get("/me?$select=displayName").json()) == {"@odata.context", "id", "displayName"}


def follow(client, answer, word="@odata.nextLink"):
    return client.get(answer.json()[word])


def test_pages_follow_their_links(ada):
    for number in range(5):
        ada.post(MESSAGES, json={"body": {"content": str(number)}})
    answer, found = ada.get(MESSAGES, params={"$top": 3}), []
    while True:
        found.append([one["body"]["content"] for one in answer.json()["value"]])
        if "@odata.nextLink" not in answer.json():
            break
        answer = follow(ada, answer)
    assert [len(page) for page in found] == [3, 3, 2]
    assert found[0] == ["4", "3", "2"]
    assert code_of(ada.get(MESSAGES, params={"$top": 51})) == (400, "BadRequest")
    assert code_of(ada.get(f"{MESSAGES}?$skiptoken=none")) == (400, "BadRequest")


def test_delta_tells_what_changed_until_its_link_is_too_old(ada, sandbox):
    first = ada.get(f"{MESSAGES}/delta", params={"$top": 2})
    last = follow(ada, first)
    assert [len(one.json()["value"]) for one in (first, last)] == [2, 1]
    made = ada.post(MESSAGES, json={"body": {"content": "new"}}).json()
    ada.post(f"{MESSAGES}/{made['id']}/replies", json={"body": {"content": "replies are left out"}})
    oldest = first.json()["value"][0]["id"]
    ada.post(f"{MESSAGES}/{oldest}/softDelete")
    link = last.json()["@odata.deltaLink"]
    changed = ada.get(link).json()
    assert [(one["id"], one["deletedDateTime"] is not None) for one in changed["value"]] == [
        (made["id"], False),
        (oldest, True),
    ]
    assert ada.get(changed["@odata.deltaLink"]).json()["value"] == []
    assert [one["id"] for one in ada.get(link).json()["value"]] == [made["id"], oldest]
    since = {"$filter": f"lastModifiedDateTime gt {made['createdDateTime'][:10]}T00:00:00Z"}
    assert made["id"] in [one["id"] for one in ada.get(f"{MESSAGES}/delta", params=since).json()["value"]]
    assert code_of(ada.get(f"{MESSAGES}/delta", params={"$filter": "subject eq 'x'"})) == (400, "BadRequest")
    sandbox.advance(31 * 86_400)
    with caller(sandbox, sandbox.tokens("microsoft", account="ada@acme.example")["access_token"]) as later:
        assert code_of(later.get(link)) == (410, "SyncStateNotFound")
        sandbox.advance(240 * 86_400)
    with caller(sandbox, sandbox.tokens("microsoft", account="ada@acme.example")["access_token"]) as much_later:
        assert much_later.get(f"{MESSAGES}/delta").json()["value"] == []


def test_an_application_reads_and_does_not_send(app, sandbox):
    assert app.get(MESSAGES).status_code == 200
    assert code_of(app.get("/me")) == (403, "Forbidden")
    sandbox.call(
        "POST",
        "/apps",
        provider="microsoft",
        client_id=CLIENT,
        settings={"application_permissions": ["ChannelMessage.Send"]},
    )
    given = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    with caller(sandbox, token_of(sandbox, TENANT, **given).json()["access_token"]) as sender:
        assert code_of(sender.post(MESSAGES, json={"body": {"content": "x"}})) == (401, "Unauthorized")


@pytest.mark.usefixtures("limited")
def test_too_much_in_a_second_waits_for_fractions_of_one(ada, sandbox):
    sandbox.stop_clock()
    assert {ada.get(MESSAGES).status_code for _ in range(5)} == {200}
    sandbox.advance(0.25)
    late = ada.get(MESSAGES)
    assert (late.status_code, late.headers["retry-after"]) == (429, "0.75")
    sandbox.advance(0.75)
    assert ada.get(MESSAGES).status_code == 200
    assert late.json()["error"]["code"] == "TooManyRequests"


def test_a_batch_answers_each_and_says_what_hung_on_what(ada):
    wanted = [
        {"id": "1", "method": "GET", "url": "/me"},
        {
            "id": "2",
            "method": "POST",
            "url": MESSAGES,
            "body": {"body": {"content": "in a batch"}},
            "headers": {"Content-Type": "application/json"},
        },
        {"id": "3", "method": "GET", "url": "/teams/none"},
        {"id": "4", "method": "GET", "url": "/me", "dependsOn": ["3"]},
    ]
    answers = ada.post("/$batch", json={"requests": wanted}).json()["responses"]
    assert [(one["id"], one["status"]) for one in answers] == [("1", 200), ("2", 201), ("3", 404), ("4", 424)]


def sign_in(
    sandbox, account="ada@acme.example", scope="openid profile offline_access User.Read Team.ReadBasic.All", **query
):
    verifier, challenge = pkce()
    asked = {
        "client_id": CLIENT,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": scope,
        "response_mode": "query",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "nonce": "n1",
        **query,
    }
    who = {"ada@acme.example": "1", "grace@acme.example": "2"}[account]
    address = f"{sandbox.urls['microsoft']}/organizations/oauth2/v2.0/authorize"
    came = sandbox.consent(address, account=f"aaaaaaaa-0000-4000-8000-00000000000{who}", **asked)
    given = {
        "grant_type": "authorization_code",
        "code": came["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": verifier,
    }
    return token_of(sandbox, "organizations", **given).json()


def test_a_person_signs_in_and_the_old_refresh_token_goes_on(sandbox):
    first = sign_in(sandbox)
    assert set(first["scope"].split()) == {"User.Read", "Team.ReadBasic.All", "profile", "openid"}
    keys = KeySet.import_key_set(sandbox.http.get(f"{sandbox.urls['microsoft']}/common/discovery/v2.0/keys").json())
    claims = jwt.decode(first["id_token"], keys).claims
    assert (claims["tid"], claims["nonce"], claims["aud"]) == (TENANT, "n1", CLIENT)
    fresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert token_of(sandbox, "organizations", **fresh).json()["error_codes"] == [900144]
    more = token_of(sandbox, "organizations", **fresh, scope="User.Read Chat.Read").json()
    assert (more["error"], more["suberror"]) == ("invalid_grant", "consent_required")
    second = token_of(sandbox, "organizations", **fresh, scope="User.Read offline_access").json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == "User.Read"
    assert "access_token" in token_of(sandbox, "organizations", **fresh, scope="User.Read").json()
    sandbox.advance(90 * 86_400)
    assert token_of(sandbox, "organizations", **fresh, scope="User.Read").json()["error_codes"] == [700082]


def test_what_only_an_administrator_may_allow(sandbox):
    sandbox.call("POST", "/apps", provider="microsoft", client_id=CLIENT, settings={"admin_consented": False})
    wanted = "ChannelMessage.Read.All offline_access"
    assert "access_token" in sign_in(sandbox, scope=wanted)
    grace = "aaaaaaaa-0000-4000-8000-000000000002"
    query = {"client_id": CLIENT, "response_type": "code", "redirect_uri": REDIRECT, "scope": wanted}
    address = f"{sandbox.urls['microsoft']}/organizations/oauth2/v2.0/authorize"
    page = sandbox.http.post(address, params=query, data={"decision": "approve", "account": grace})
    assert (page.status_code, "AADSTS90094" in page.text) == (400, True)
    given = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    with caller(sandbox, token_of(sandbox, TENANT, **given).json()["access_token"]) as alone:
        assert code_of(alone.get("/users")) == (403, "Forbidden")
    asked = {"client_id": CLIENT, "redirect_uri": REDIRECT, "state": "s"}
    came = sandbox.consent(f"{sandbox.urls['microsoft']}/{TENANT}/adminconsent", **asked)
    assert came == {"admin_consent": "True", "tenant": TENANT, "state": "s"}
    assert "access_token" in sign_in(sandbox, "grace@acme.example", scope=wanted)
    with caller(sandbox, token_of(sandbox, TENANT, **given).json()["access_token"]) as alone:
        assert alone.get("/users").status_code == 200


def test_entras_refusals(sandbox):
    default = {"grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default"}
    wrong = {
        50059: token_of(sandbox, "organizations", **default),
        1002012: token_of(sandbox, TENANT, grant_type="client_credentials", scope="User.Read"),
        7000215: token_of(sandbox, TENANT, **default, client_secret="wrong"),
        700016: token_of(sandbox, TENANT, **default, client_id="none"),
        90002: token_of(sandbox, "elsewhere.example", **default),
        70003: token_of(sandbox, TENANT, grant_type="password"),
    }
    for number, answer in wrong.items():
        assert answer.json()["error_codes"] == [number]
        assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")
    sandbox.call("POST", "/apps", provider="microsoft", client_id=CLIENT, settings={"secret_expires": "2026-01-01"})
    assert token_of(sandbox, TENANT, **default).json()["error_codes"] == [7000222]


@pytest.fixture
def library(tls_sandbox):
    """MSAL, over TLS as it insists."""
    with requests.Session() as session:
        session.verify, session.trust_env = False, False
        yield msal.ConfidentialClientApplication(
            CLIENT, client_credential=SECRET, authority=f"{tls_sandbox.urls['microsoft']}/{TENANT}",
            instance_discovery=False, http_client=session,
        )  # fmt: skip


def test_microsofts_own_library_takes_its_tokens_from_here(tls_sandbox, library):
    address, client = tls_sandbox.urls["microsoft"], library
    alone = client.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    assert alone["token_type"] == "Bearer", alone
    flow = client.initiate_auth_code_flow(["User.Read"], redirect_uri=REDIRECT)
    query = {key: value[0] for key, value in parse_qs(urlsplit(flow["auth_uri"]).query).items()}
    came = tls_sandbox.consent(flow["auth_uri"].partition("?")[0], **query)
    person = client.acquire_token_by_auth_code_flow(flow, came)
    assert person["id_token_claims"]["preferred_username"] == "ada@acme.example", person
    (account,) = client.get_accounts()
    tls_sandbox.advance(4000)
    renewed = client.acquire_token_silent(["User.Read"], account=account, force_refresh=True)
    assert renewed["access_token"] != person["access_token"]
    with httpx.Client(
        headers={"authorization": f"Bearer {renewed['access_token']}"}, verify=False, trust_env=False
    ) as graph:
        assert graph.get(f"{address}/v1.0/me").json()["mail"] == "ada@acme.example"


def receives(receiver):
    """A receiver as Graph wants it: it answers the handshake with the token, decoded."""

    def plan(request):
        query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
        if "validationToken" in query:
            return 200, "text/plain", unquote(query["validationToken"][0]).encode()
        return 202, "text/plain", b""

    receiver.answer = plan


def subscription(receiver, minutes=55, **more):
    end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
    return {
        "changeType": "created,updated,deleted", "notificationUrl": f"{receiver.url}/graph", "resource": MESSAGES,
        "expirationDateTime": end.isoformat().replace("+00:00", "Z"), "clientState": "the state", **more,
    }  # fmt: skip


def test_a_subscription_begins_with_a_handshake_and_tells_until_it_ends(ada, sandbox, receiver):
    assert code_of(ada.post("/subscriptions", json=subscription(receiver))) == (400, "ValidationError")
    receives(receiver)
    receiver.everything()
    made = ada.post("/subscriptions", json=subscription(receiver))
    assert made.status_code == 201
    Oracle("graph").check("post", "/subscriptions", made.json(), "201")
    assert "validationToken=Validation%3A%20Testing" in receiver.next().path
    assert code_of(ada.post("/subscriptions", json=subscription(receiver))) == (409, "ExtensionError")
    receiver.everything()
    sent = ada.post(MESSAGES, json={"body": {"content": "hello"}}).json()
    ada.post(f"{MESSAGES}/{sent['id']}/replies", json={"body": {"content": "a reply"}})
    ada.post(f"{MESSAGES}/{sent['id']}/softDelete")
    sandbox.settle()
    told = [json.loads(request.body)["value"][0] for request in receiver.everything()]
    assert [one["changeType"] for one in told] == ["created", "created", "deleted"]
    assert {(one["clientState"], one["tenantId"], one["subscriptionId"]) for one in told} == {
        ("the state", TENANT, made.json()["id"])
    }
    assert told[0]["resource"] == f"teams('{TEAM}')/channels('{CHANNEL}')/messages('{sent['id']}')"
    sandbox.advance(54 * 60)
    later = subscription(receiver, 54 + 50)["expirationDateTime"]
    one = f"/subscriptions/{made.json()['id']}"
    assert ada.patch(one, json={"expirationDateTime": later}).status_code == 200
    assert (
        code_of(ada.patch(one, json={"expirationDateTime": subscription(receiver, 54 + 70)["expirationDateTime"]}))[0]
        == 400
    )
    sandbox.advance(51 * 60)
    with caller(sandbox, sandbox.tokens("microsoft", account="ada@acme.example")["access_token"]) as again:
        assert again.get("/subscriptions").json()["value"] == []
        again.post(MESSAGES, json={"body": {"content": "unheard"}})
    sandbox.settle()
    assert receiver.everything() == []


def test_limits_of_subscriptions(ada, app, receiver):
    receives(receiver)
    wrong = [
        subscription(receiver, 61), subscription(receiver, -1), subscription(receiver, resource="/me/messages"),
        subscription(receiver, clientState="x" * 129), subscription(receiver, notificationUrl="http://example.org/x"),
        subscription(receiver, includeResourceData=True), subscription(receiver, changeType="read"),
    ]  # fmt: skip
    assert [ada.post("/subscriptions", json=one).status_code for one in wrong] == [400] * len(wrong)
    everything = subscription(receiver, resource="/teams/getAllMessages")
    assert ada.post("/subscriptions", json=everything).status_code == 403
    assert app.post("/subscriptions", json=everything).status_code == 201


def test_the_life_of_a_long_subscription_is_told_and_its_content_encrypted(ada, sandbox, receiver):
    receives(receiver)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    text = base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
    rich = {"includeResourceData": True, "encryptionCertificate": text, "encryptionCertificateId": "key-1"}
    assert ada.post("/subscriptions", json=subscription(receiver, 120, **rich)).status_code == 400
    life = {"lifecycleNotificationUrl": f"{receiver.url}/life"}
    assert ada.post("/subscriptions", json=subscription(receiver, 120, **rich, **life)).status_code == 201
    assert [urlsplit(request.path).path for request in receiver.everything()][-2:] == ["/graph", "/life"]
    ada.post(MESSAGES, json={"body": {"content": "sealed"}})
    sandbox.settle()
    told = json.loads(receiver.next().body)
    content = told["value"][0]["encryptedContent"]
    scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    secret = key.decrypt(base64.b64decode(content["dataKey"]), scheme)
    data = base64.b64decode(content["data"])
    assert hmac.new(secret, data, hashlib.sha256).digest() == base64.b64decode(content["dataSignature"])
    opener = Cipher(AES256(secret), CBC(secret[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = unpadder.update(opener.update(data) + opener.finalize()) + unpadder.finalize()
    assert json.loads(plain)["body"]["content"] == "sealed"
    keys = KeySet.import_key_set(sandbox.http.get(f"{sandbox.urls['microsoft']}/common/discovery/v2.0/keys").json())
    claims = jwt.decode(told["validationTokens"][0], keys).claims
    assert (claims["aud"], claims["azp"]) == (CLIENT, "0bf30f3b-4a52-48df-9a82-234910c4a086")
    assert claims["exp"] > time.time()
    sandbox.advance(106 * 60)
    sandbox.settle()
    sandbox.call("POST", "/webhooks", provider="microsoft", event="subscriptionRemoved")
    sandbox.settle()
    events = [json.loads(request.body)["value"][0]["lifecycleEvent"] for request in receiver.everything()]
    assert events == ["reauthorizationRequired", "subscriptionRemoved"]
