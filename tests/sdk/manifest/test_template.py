"""A template fills in values and does nothing else."""

import pytest

from worksphere_hub.sdk.manifest.template import TemplateFailed, fill, names

VALUES = {"settings": {"a": "x", "n": 3, "t": True, "o": {"b": "deep"}, "e": "", "l": [1], "z": None}}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain $ {text} }", "plain $ {text} }"),
        ("${settings.a}/${settings.n}-${settings.t}", "x/3-true"),
        ("${settings.o.b}", "deep"),
        ("[${settings.e}]", "[]"),
        # What is filled in is not looked at again.
        ("$${settings.a}", "$x"),
    ],
)
def test_values_are_filled_in(text, filled):
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize("name", ["settings.b", "settings.o", "settings.l", "settings.z", "settings.a.b", "other.x"])
def test_a_name_without_a_value_fails_the_whole(name):
    with pytest.raises(TemplateFailed) as failed:
        fill(f"before ${{{name}}} after", VALUES)
    assert failed.value.name == name


def test_what_is_filled_in_is_not_a_template():
    assert fill("${settings.a}", {"settings": {"a": "${settings.secret}", "secret": "s"}}) == "${settings.secret}"


@pytest.mark.parametrize("text", ["${}", "${a}", "${a.}", "${A.b}", "${a.b", "${ a.b }", "${a.b} ${"])
def test_what_begins_no_name_is_refused(text):
    with pytest.raises(ValueError, match="begins no name"):
        names(text)


def test_names_come_in_order():
    assert names("${a.b} ${c.d.e} ${a.b}") == ["a.b", "c.d.e", "a.b"]
