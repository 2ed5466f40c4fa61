"""Settings: from the environment, from a file, and refused when they cannot be meant."""

from pathlib import Path

import pytest

from worksphere_hub.app.settings import InvalidSetting, Settings, environment_of, load_settings, names

NOWHERE = Path("no-such-file.toml")


def load(file=NOWHERE, **environment):
    return load_settings(environment, file)


def test_nothing_given_means_the_defaults():
    assert load() == Settings()


def test_the_environment_is_read_by_type():
    settings = load(
        HUB_PORT="9000",
        HUB_HOME="/tmp/x",
        HUB_LOG_JSON="off",
        HUB_WEBHOOKS_LEASE="3.5",
        HUB_WEBHOOKS_SCHEDULE="1, 2.5,3",
        HUB_EGRESS_ALLOW="10.0.0.0/8,127.0.0.0/8",
        HUB_EGRESS_PORTS="443",
        HUB_DATABASE_URL="postgresql://a:b@c/d",
    )
    assert (settings.port, settings.home, settings.log_json) == (9000, Path("/tmp/x"), False)
    assert (settings.webhooks.lease, settings.webhooks.schedule) == (3.5, (1.0, 2.5, 3.0))
    assert (settings.egress.allow, settings.egress.ports) == (("10.0.0.0/8", "127.0.0.0/8"), (443,))
    assert settings.database_url is not None
    assert settings.database_url.reveal() == "postgresql://a:b@c/d"
    assert "b@c" not in repr(settings)


def test_a_file_is_read_and_the_environment_wins(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text('port = 9001\nlog_level = "warning"\n[webhooks]\nlease = 20\nschedule = [1, 2]\n')
    settings = load(file, HUB_PORT="9002")
    assert (settings.port, settings.log_level, settings.webhooks.lease) == (9002, "warning", 20.0)
    assert settings.webhooks.schedule == (1.0, 2.0)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"HUB_PORT": "many"}, "HUB_PORT"),
        ({"HUB_LOG_JSON": "perhaps"}, "HUB_LOG_JSON"),
        ({"HUB_WEBHOOKS_SCHEDULE": "1,soon"}, "HUB_WEBHOOKS_SCHEDULE"),
        ({"HUB_PROT": "9000"}, "HUB_PROT"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(environment, named):
    with pytest.raises(InvalidSetting, match=named):
        load(**environment)


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path):
    file = tmp_path / "hub.toml"
    file.write_text("port = ")
    with pytest.raises(InvalidSetting, match=r"hub\.toml"):
        load(file)


def test_another_process_gets_the_same_settings():
    settings = load(
        HUB_PORT="9000", HUB_DATABASE_URL="postgresql://a:b@c/d", HUB_WEBHOOKS_SCHEDULE="1,2", HUB_EGRESS_HTTP="yes"
    )
    assert load_settings(environment_of(settings), NOWHERE) == settings


def test_every_setting_has_a_name_of_its_own():
    assert len(names()) > 30
    assert "webhooks_lease" in names()
