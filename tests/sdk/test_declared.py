"""A manifest alone reads streams and does actions."""

import pytest

from tests.sdk.scripted import ScriptedApi, evaluate
from worksphere_hub.sdk.declared import connector_of
from worksphere_hub.sdk.errors import (
    AuthFailed,
    BadSettings,
    Conflict,
    Missing,
    RateLimited,
    Rejected,
    Transient,
    Unexpected,
)
from worksphere_hub.sdk.manifest.manifest import Manifest

MANIFEST = Manifest.model_validate(
    {
        "slug": "shop",
        "name": "Shop",
        "version": "1.0.0",
        "category": "e-commerce",
        "summary": "Orders.",
        "hosts": ["api.shop.example"],
        "auth": {"main": {"type": "bearer", "label": "Token"}},
        "api": {"base_url": "https://api.shop.example", "refused": "ok = false", "message": "error.message"},
        "streams": {
            "orders": {
                "title": "Orders",
                "call": {"path": "/${settings.region}/orders", "query": {"state": "${input.state}", "v": "2"}},
                "records": "orders",
                "primary_key": ["id"],
                "cursor_field": "updated",
                "cursor_parameter": "since",
                "overlap_seconds": 60,
                "pagination": {"kind": "cursor", "parameter": "after", "cursor": "next"},
            }
        },
        "actions": {
            "refund": {
                "title": "Refund an order",
                "call": {
                    "method": "POST",
                    "path": "/orders/${input.id}/refunds",
                    "body": '{"amount": input.amount, "note": "from " & settings.region}',
                },
                "output": "refund.id",
                "idempotent": True,
            }
        },
    }
)
CONNECTOR = connector_of(MANIFEST, evaluate)
PAGES = {
    None: {
        "orders": [{"id": 1, "updated": "2026-01-01T10:00:00Z"}, {"id": 2, "updated": "2026-01-03T10:00:00Z"}],
        "next": "p2",
    },
    "p2": {"orders": [{"id": 3, "updated": "2026-01-02T10:00:00Z"}]},
}


def shop(request):
    return 200, PAGES[request.query.get("after")]


async def read(api, begin=None, **only):
    return [page async for page in CONNECTOR.streams["orders"].read(api, begin, only=only or None)]


async def test_a_stream_is_read_page_by_page_and_the_state_moves_at_the_end():
    api = ScriptedApi(shop, region="eu")
    pages = await read(api)
    assert [[record["id"] for record in page.records] for page in pages] == [[1, 2], [3]]
    # Orders come in no order: until all are there, a state would leave some out.
    assert [page.state for page in pages] == [{}, {"cursor": "2026-01-03T10:00:00Z"}]
    assert [request.path for request in api.requests] == ["/eu/orders"] * 2
    assert api.requests[0].query == {"v": "2"}


async def test_the_next_read_begins_at_the_cursor_less_the_overlap():
    api = ScriptedApi(shop, region="eu")
    pages = await read(api, {"cursor": "2026-01-03T10:00:00Z"}, state="open")
    assert api.requests[0].query == {"v": "2", "state": "open", "since": "2026-01-03T09:59:00Z"}
    assert api.requests[1].query["since"] == "2026-01-03T09:59:00Z"
    assert pages[0].state == {"cursor": "2026-01-03T10:00:00Z"}


async def test_an_action_sends_its_body_and_answers_its_output():
    api = ScriptedApi(lambda _: (201, {"refund": {"id": "re_1"}}), region="eu")
    assert await CONNECTOR.actions["refund"].run(api, {"id": 7, "amount": 5}) == "re_1"
    (request,) = api.requests
    assert (request.method, request.path, request.json) == (
        "POST",
        "/orders/7/refunds",
        {"amount": 5, "note": "from eu"},
    )
    assert request.idempotent is True


@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        ((401, {}), AuthFailed, "401"),
        ((404, {"error": {"message": "no such shop"}}), Missing, "no such shop"),
        ((409, {}), Conflict, "409"),
        ((412, {}), Conflict, "412"),
        ((422, {"error": {"message": "x" * 999}}), Rejected, "x" * 300),
        ((429, {}), RateLimited, "429"),
        ((503, b"<html>"), Transient, "503"),
        ((200, {"ok": False, "error": {"message": "closed"}}), Rejected, "closed"),
        ((200, b"<html>"), Unexpected, "not JSON"),
        ((200, {"orders": [{"updated": "x"}]}), Unexpected, "has no id"),
        ((200, {"orders": ["text"]}), Unexpected, "has no id"),
    ],
)
async def test_refusals_are_told_by_who_has_to_act(answer, failure, words):
    with pytest.raises(failure) as told:
        await read(ScriptedApi(lambda _: answer, region="eu"))
    assert words in str(told.value)
    assert len(str(told.value)) < 400


async def test_a_setting_that_is_not_there_is_named():
    with pytest.raises(BadSettings, match=r"settings\.region"):
        await read(ScriptedApi(shop))


def with_action(**call):
    document = MANIFEST.model_dump(mode="json", exclude_defaults=True)
    document["actions"]["refund"]["call"] |= call
    return connector_of(Manifest.model_validate(document), evaluate).actions["refund"]


async def test_a_form_has_the_fields_that_the_expression_gives():
    api = ScriptedApi(lambda _: (200, {"refund": {"id": "re_1"}}))
    body = '{"amount": input.amount, "metadata[order]": "7", "live": true, "note": input.nothing}'
    await with_action(encoding="form", body=body).run(api, {"id": 7, "amount": 5})
    (request,) = api.requests
    assert (request.json, request.form) == (None, {"amount": "5", "metadata[order]": "7", "live": "true"})


@pytest.mark.parametrize("body", ['{"a": [1]}', '{"a": {"b": 1}}', "[1]", '"text"'])
async def test_what_is_no_form_is_refused(body):
    with pytest.raises(BadSettings):
        await with_action(encoding="form", body=body).run(ScriptedApi(shop), {"id": 7})


async def test_an_answer_without_a_body_holds_no_records():
    pages = await read(ScriptedApi(lambda _: (204, b""), region="eu"))
    assert [list(page.records) for page in pages] == [[]]


def test_a_key_is_written_as_its_provider_does():
    document = MANIFEST.model_dump(mode="json", exclude_defaults=True)
    document["streams"]["orders"]["primary_key"] = ["envelopeId", "Line-No"]
    stream = connector_of(Manifest.model_validate(document), evaluate).streams["orders"]
    assert stream.kind.primary_key == ("envelopeId", "Line-No")
