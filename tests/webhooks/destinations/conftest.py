"""Amazon, once for all tests, each with names of its own."""

import secrets

import pytest

from tests.webhooks.destinations.amazon import amazon


@pytest.fixture(scope="session")
def aws():
    with amazon() as url:
        yield url


@pytest.fixture
def name():
    return f"t{secrets.token_hex(4)}"
