"""When subscriptions are renewed, and when what failed is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.inbound.subscription_rules import renew_at, retry_in
from worksphere_hub.sdk.errors import AuthFailed, RateLimited, Transient

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@given(st.timedeltas(min_value=timedelta(seconds=2), max_value=timedelta(days=400)), st.floats(0, 1))
def test_it_is_renewed_with_time_to_spare(life, chance):
    due = renew_at(NOW, NOW + life, chance)
    assert NOW < due < NOW + life
    if life > timedelta(minutes=2):
        assert 0.6 * life < due - NOW < 0.8 * life


def test_what_does_not_expire_is_not_renewed():
    assert renew_at(NOW, None, 0.5).year == 9999


def test_not_all_that_were_made_at_once_are_renewed_at_once():
    hour = NOW + timedelta(hours=1)
    assert renew_at(NOW, hour, 1.0) - renew_at(NOW, hour, 0.0) > timedelta(minutes=5)


@pytest.mark.parametrize(("failures", "wait"), [(0, 30), (1, 60), (3, 240), (20, 3600), (10_000, 3600)])
def test_the_wait_doubles(failures, wait):
    assert retry_in(failures, Transient("no"), 0.5) == wait


def test_a_provider_that_names_a_wait_gets_it_and_one_that_shuts_us_out_is_looked_at_again():
    assert retry_in(0, RateLimited("no", after=900.0), 0.5) == 900.0
    assert retry_in(9, AuthFailed("no"), 0.5) == 300.0
