"""What was entered stands over the settings, and all of it is secret."""

import pytest

from worksphere_hub.sdk.errors import BadSettings
from worksphere_hub.sdk.tap.configuration import configuration


def test_what_was_entered_stands_over_the_settings_and_is_secret():
    entered = '{"token": "t0", "deep": {"list": ["x", 5, null, true]}, "host": "b"}'
    config, secrets = configuration({"config": {"host": "a", "port": 1}}, {"config": entered})
    assert config == {"host": "b", "port": 1, "token": "t0", "deep": {"list": ["x", 5, None, True]}}
    assert secrets == ["t0", "x", "5", "b"]
    assert configuration({}, {}) == ({}, [])


@pytest.mark.parametrize("text", ["secret", "[1]", '"secret"', "{"])
def test_what_is_no_object_is_refused_without_being_repeated(text):
    with pytest.raises(BadSettings) as refused:
        configuration({}, {"config": text})
    assert "secret part" in refused.value.detail
    assert text not in refused.value.detail.replace("the secret part", "")
