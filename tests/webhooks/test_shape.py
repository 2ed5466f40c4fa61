"""What is sent for one event at one endpoint."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.expressions.samples import MESSAGE, values
from worksphere_hub.events.message import message_body
from worksphere_hub.expressions.compile import compile_expression, load_expression
from worksphere_hub.expressions.limits import ExpressionLimits
from worksphere_hub.webhooks.errors import ShapeFailed
from worksphere_hub.webhooks.shape import Shape, batch_body, batch_id, compressed, outgoing, passes, preview

BODY = json.dumps(MESSAGE, separators=(",", ":")).encode()
ID = "evt_0192e5a1bc"
AT = datetime(2026, 11, 23, 10, 0, 0, 123456, UTC)

ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
bodies = values.map(lambda data: message_body("a.b", AT, json.dumps(data, ensure_ascii=False).encode()))


def shape(filter=None, transform=None, **rest):  # noqa: A002
    """A shape from the texts of its expressions."""
    return Shape(filter and compile_expression(filter), transform and compile_expression(transform), **rest)


@given(bodies, ids)
def test_without_a_shape_the_message_goes_out_as_it_is(body, message_id):
    assert passes(Shape(), body)
    assert outgoing(Shape(), body, message_id) is body
    assert preview(Shape(), body, message_id).body is body


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("data.amount > 50", True),
        ("data.amount > 500", False),
        ("type = 'invoice.paid' and data.currency in ['EUR', 'USD']", True),
        ("data.customer.tags[$ = 'vip']", True),
        ("data.missing", False),
        ("timestamp > '2026-01-01'", True),
        ("$now() = '2026-11-23T10:00:00.000Z'", True),
    ],
)
def test_a_filter_sees_the_whole_message(source, wanted):
    assert passes(shape(filter=source), BODY) is wanted


@given(bodies, ids)
def test_a_thin_message_has_type_timestamp_and_id(body, message_id):
    thin = outgoing(Shape(transform=load_expression("data"), thin=True), body, message_id)
    whole = json.loads(body)
    assert json.loads(thin) == {"type": whole["type"], "timestamp": whole["timestamp"], "data": {"id": message_id}}
    assert b" " not in thin


def test_a_transform_gives_what_is_sent_compactly():
    made = outgoing(shape(transform='{"text": "Paid: " & data.amount, "lines": data.lines.sku}'), BODY, ID)
    assert made == b'{"text":"Paid: 100","lines":["a1","b2","c3"]}'
    assert outgoing(shape(transform="null"), BODY, ID) == b"null"


@given(bodies)
def test_a_transform_keeps_every_number(body):
    try:
        made = outgoing(Shape(transform=load_expression("{'copy': $}")), body, ID)
    except ShapeFailed as failure:
        reason = failure.reason
    else:
        made, reason = json.loads(made, parse_int=Decimal, parse_float=Decimal), None
        assert made["copy"] == json.loads(body, parse_int=Decimal, parse_float=Decimal)
    assert reason in {None, "inexact"}


def test_time_and_chance_are_the_same_in_each_attempt():
    wild = shape(transform='{"at": $now(), "dice": $random(), "cards": $shuffle([1..9])}')
    first = outgoing(wild, BODY, ID)
    assert all(outgoing(wild, BODY, ID) == first for _ in range(5))
    assert json.loads(first)["at"] == "2026-11-23T10:00:00.000Z"
    assert outgoing(wild, BODY.replace(b"100", b"101"), ID) != first


@pytest.mark.parametrize(
    ("source", "reason", "said"),
    [
        ("data.missing", "error", "It gave nothing for this message"),
        ("data.currency + 1", "error", "not a number"),
        ("$sum", "error", "nothing"),
        ("($f := function($x) { 1 + $f($x) }; data.amount = 100 ? $f(1))", "too_deep", "too deeply"),
        ("[1..(data.amount * 1000)]", "too_large", "too many items"),
    ],
)
def test_a_failing_transform_says_so(source, reason, said):
    with pytest.raises(ShapeFailed, match=said) as failed:
        outgoing(shape(transform=source), BODY, ID)
    assert (failed.value.cause, failed.value.reason, failed.value.code) == ("transform_failed", reason, "shape_failed")
    assert "EUR" not in failed.value.detail


def test_a_failing_filter_says_so():
    with pytest.raises(ShapeFailed, match="The filter: ") as failed:
        passes(shape(filter="data.amount > 'x'"), BODY)
    assert (failed.value.cause, failed.value.reason) == ("filter_failed", "error")


def test_more_than_the_limit_is_not_sent_whatever_the_expression_may():
    wide = ExpressionLimits(string=4 << 20, result=4 << 20)
    with pytest.raises(ShapeFailed, match="1048576 are allowed") as failed:
        outgoing(Shape(transform=load_expression("$pad('a', 2000000)", wide)), BODY, ID)
    assert failed.value.reason == "too_large"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type":"a"}', b"\xff", b'"text"'])
def test_what_is_no_message_fails_and_raises_nothing_else(body):
    for wanted in (Shape(thin=True), shape(transform="$now()")):
        with pytest.raises(ShapeFailed) as failed:
            outgoing(wanted, body, ID)
        assert failed.value.reason == "input"


def test_a_preview_tells_all_and_raises_nothing():
    fine = preview(shape(filter="data.amount > 50", transform="data.id"), BODY, ID)
    assert (fine.passes, fine.body, fine.error) == (True, b'"inv_7"', None)
    assert fine.micros >= 0
    unwanted = preview(shape(filter="data.amount > 500", transform="data.id"), BODY, ID)
    assert (unwanted.passes, unwanted.body, unwanted.error) == (False, None, None)
    broken = preview(shape(filter="data.amount + 'x'"), BODY, ID)
    assert not broken.passes
    assert broken.error.cause == "filter_failed"
    broken = preview(shape(transform="data.amount + 'x'"), BODY, ID)
    assert broken.passes
    assert broken.body is None
    assert broken.error.cause == "transform_failed"


@given(st.lists(st.tuples(ids, bodies), max_size=4))
def test_a_batch_is_a_list_of_messages_with_their_ids(messages):
    made = batch_body(messages)
    assert json.loads(made) == [{"id": message_id, **json.loads(body)} for message_id, body in messages]
    for _, body in messages:
        assert body[1:] in made


@given(ids, values, st.sampled_from(["", " ", "\n"]))
def test_any_transformed_body_can_go_into_a_batch(message_id, value, blank):
    text = blank + json.dumps(value, ensure_ascii=False) + blank
    (made,) = json.loads(batch_body([(message_id, text.encode())]))
    if isinstance(value, dict) and "id" not in value:
        assert made == {"id": message_id, **value}
    else:
        assert made == {"id": message_id, "data": value}


def test_a_body_with_an_id_of_its_own_keeps_it():
    assert batch_body([("evt_1", b'{"id":7,"a":1}')]) == b'[{"id":"evt_1","data":{"id":7,"a":1}}]'
    assert batch_body([("evt_1", b"{}"), ("evt_2", b"null")]) == b'[{"id":"evt_1"},{"id":"evt_2","data":null}]'
    assert batch_body([]) == b"[]"


@given(st.lists(ids, min_size=1, max_size=5, unique=True), st.lists(ids, min_size=1, max_size=5, unique=True))
def test_a_batchs_id_is_that_of_its_messages(one, other):
    assert batch_id(one) == batch_id(tuple(one))
    assert (batch_id(one) == batch_id(other)) is (one == other)
    assert len(batch_id(one)) == 36
    assert batch_id(one).startswith("bat_")
    assert int(batch_id(one)[4:], 16) >= 0


@given(st.binary(max_size=2000))
def test_compressing_gives_the_same_bytes_each_time(body):
    assert gzip.decompress(compressed(body)) == body
    assert compressed(body) == compressed(body)
    # No time of writing in the header, which would change the bytes from attempt to attempt.
    assert compressed(body)[4:8] == b"\0\0\0\0"
