"""The sandbox, as it was at the start for each test."""

from tests.sandbox.conftest import sandbox, served

__all__ = ["sandbox", "served"]
