"""Salesforce's outbound messages: known by the organization, acknowledged as it wants, kept without the session."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inbound.schemes.samples import received
from worksphere_hub.inbound.schemes.catalogue import config_of, scheme_of, verify
from worksphere_hub.inbound.schemes.scheme import Refused
from worksphere_hub.sandbox.outbox import Reply
from worksphere_hub.sandbox.salesforce.webhooks import acknowledged

SALESFORCE = scheme_of("salesforce", {})
ORGANIZATION = "00D5g000000SbxQEAS"


def notification(number: str) -> str:
    return (
        f"<Notification><Id>{number}</Id>"
        '<sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        "<sf:Id>0015g00000SbxAAAA0</sf:Id><sf:Name>Acme &amp; Co</sf:Name></sObject></Notification>"
    )


def message(*numbers: str, organization: str = ORGANIZATION, prologue: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{prologue}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04k</ActionId>"
        "<SessionId>00D!session.that.opens.the.api</SessionId>"
        f"{''.join(map(notification, numbers))}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def check(body: bytes, secrets=(ORGANIZATION,)):
    return verify(SALESFORCE, received(body, {"content-type": "text/xml"}), secrets)


def test_it_is_taken_and_acknowledged_without_its_session():
    found = check(message("04l000000000001AAA", "04l000000000002AAA"))
    assert found.answer is None
    assert b"Acme &amp; Co" in found.kept
    assert b"session.that.opens" not in found.kept
    reply = Reply(200, found.acknowledgement.body)
    assert acknowledged(reply)


def test_the_same_notifications_are_the_same_message():
    first, second = "04l000000000001AAA", "04l000000000002AAA"
    assert check(message(first, second)).event_id == check(message(second, first)).event_id
    assert check(message(first)).event_id != check(message(second)).event_id


def test_either_spelling_of_the_organization_is_it():
    assert check(message("04l"), (ORGANIZATION[:15],)).event_id
    assert check(message("04l", organization=ORGANIZATION[:15])).event_id
    with pytest.raises(Refused):
        check(message("04l", organization=ORGANIZATION[:15].lower()))


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not xml", b"<a/>", message(), message("", organization=ORGANIZATION), message("04l", organization=""),
        message("04l", organization="00D000000000001AAA"), message("04l", prologue=BOMB),
        message("04l", prologue=OUTSIDE), message("04l", prologue="<!DOCTYPE x>" + BOMB)[:200],
        message("04l").decode().encode("utf-16"), b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)  # fmt: skip
def test_anything_else_is_refused(body):
    with pytest.raises(Refused):
        check(body)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(body):
    with pytest.raises(Refused):
        check(body)


def test_the_secret_is_an_organization():
    SALESFORCE.check_secret(ORGANIZATION)
    SALESFORCE.check_secret(ORGANIZATION[:15])
    for wrong in ("", "00D", "x" * 18, "00D5g000000SbxQEA", "00D5g000000Sbx QEA"):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
            SALESFORCE.check_secret(wrong)
    assert scheme_of("salesforce", config_of(SALESFORCE)) == SALESFORCE
