"""Answers kept for a repetition, on the real table."""

import asyncio

import pytest

from tests.accounts.office import Office
from worksphere_hub.accounts.answers import PostgresAnswers
from worksphere_hub.http.idempotency import AnswerStore, Claimed, InProgress, Mismatch, Stored

ONE, TWO = bytes(32), bytes([1] * 32)
HEADERS = [("content-type", "application/json"), ("location", "/x")]
BODY = b'{"secret":"shown once","raw":"\xff"}'


@pytest.fixture
def answers(office: Office) -> AnswerStore:
    return PostgresAnswers(office.database, office.vault)


async def test_a_finished_answer_comes_back_as_it_was(office, answers):
    org = await office.organization()
    assert await answers.claim(org, "k", ONE) == Claimed()
    assert await answers.claim(org, "k", ONE) == InProgress()
    assert await answers.claim(org, "k", TWO) == Mismatch()
    await answers.finish(org, "k", 201, HEADERS, BODY)
    found = await answers.claim(org, "k", ONE)
    assert isinstance(found, Stored)
    assert (found.status, [tuple(pair) for pair in found.headers], found.body) == (201, HEADERS, BODY)
    assert await answers.claim(org, "k", TWO) == Mismatch()


async def test_what_is_stored_cannot_be_read_or_moved(office, answers):
    org = await office.organization()
    for key in ("a", "b"):
        await answers.claim(org, key, ONE)
        await answers.finish(org, key, 201, HEADERS, BODY + key.encode())
    stored = await office.admin.fetch("select sealed_answer from hub.idempotency_keys")
    assert all(b"shown once" not in row["sealed_answer"] for row in stored)
    await office.admin.execute(
        "update hub.idempotency_keys set sealed_answer ="
        " (select sealed_answer from hub.idempotency_keys where key = 'a') where key = 'b'"
    )
    with pytest.raises(Exception, match="does not open"):
        await answers.claim(org, "b", ONE)


async def test_an_abandoned_key_is_free(office, answers):
    org = await office.organization()
    await answers.claim(org, "k", ONE)
    await answers.abandon(org, "k")
    assert await answers.claim(org, "k", TWO) == Claimed()


async def test_a_kept_answer_is_not_abandoned_and_the_first_one_stays(office, answers):
    org = await office.organization()
    await answers.claim(org, "k", ONE)
    await answers.finish(org, "k", 201, HEADERS, b"first")
    await answers.finish(org, "k", 201, HEADERS, b"second")
    await answers.abandon(org, "k")
    found = await answers.claim(org, "k", ONE)
    assert isinstance(found, Stored)
    assert found.body == b"first"


async def test_a_claim_without_an_answer_lapses_after_a_minute_for_the_same_request(office, answers):
    org = await office.organization()
    await answers.claim(org, "k", ONE)
    await office.admin.execute("update hub.idempotency_keys set created_at = now() - interval '59 seconds'")
    assert await answers.claim(org, "k", ONE) == InProgress()
    await office.admin.execute("update hub.idempotency_keys set created_at = now() - interval '61 seconds'")
    assert await answers.claim(org, "k", TWO) == Mismatch()
    took = await asyncio.gather(*(answers.claim(org, "k", ONE) for _ in range(4)))
    assert sorted(type(each).__name__ for each in took) == ["Claimed", "InProgress", "InProgress", "InProgress"]


async def test_of_many_at_once_one_wins(office, answers):
    org = await office.organization()
    took = await asyncio.gather(*(answers.claim(org, "k", ONE) for _ in range(10)))
    assert sorted(type(each).__name__ for each in took) == ["Claimed"] + ["InProgress"] * 9


async def test_after_a_day_the_key_is_free_for_anything(office, answers):
    org = await office.organization()
    await answers.claim(org, "k", ONE)
    await answers.finish(org, "k", 201, HEADERS, BODY)
    left = await office.admin.fetchval("select expires_at - created_at from hub.idempotency_keys")
    assert left.total_seconds() == 86_400
    await office.admin.execute("update hub.idempotency_keys set expires_at = now() - interval '1 second'")
    assert await answers.claim(org, "k", TWO) == Claimed()


async def test_organizations_do_not_share_keys(office, answers):
    one, two = await office.organization(), await office.organization()
    assert await answers.claim(one, "k", ONE) == Claimed()
    await answers.finish(one, "k", 201, HEADERS, BODY)
    assert await answers.claim(two, "k", TWO) == Claimed()
    await answers.abandon(two, "k")
    assert isinstance(await answers.claim(one, "k", ONE), Stored)


async def test_the_keys_of_events_are_others(office, answers):
    org = await office.organization()
    await office.admin.execute(
        "insert into hub.idempotency_keys (org_id, scope, key, request_hash, expires_at)"
        " values ($1, 'event', 'k', $2, now() + interval '1 day')",
        org, TWO,
    )  # fmt: skip
    assert await answers.claim(org, "k", ONE) == Claimed()
