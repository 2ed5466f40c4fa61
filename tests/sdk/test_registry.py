"""Connectors are found by folder and loaded when they are asked for."""

from worksphere_hub.sdk import registry


def test_what_is_not_there_is_none():
    assert registry.load("there-is-no-such-connector") is None


def test_every_connector_that_is_found_loads_under_its_slug():
    for slug in registry.names():
        connector = registry.load(slug)
        assert connector is not None
        assert connector.manifest.slug == slug
