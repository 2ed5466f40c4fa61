"""From a manifest's schema to a form, and from a form to a credential."""

import re

import pytest

from tests.connections.manifests import method
from worksphere_hub.connections.connect.fields import entered, fields_of, wrong_with

WAY = method(
    type="basic",
    fields={
        "type": "object",
        "required": ["username", "password"],
        "additionalProperties": False,
        "properties": {
            "username": {"type": "string", "title": "User name", "pattern": "^[A-Za-z0-9_-]{3,20}$", "maxLength": 20},
            "password": {"type": "string", "writeOnly": True, "minLength": 4},
            "private_key": {"type": "string", "writeOnly": True},
            "region": {"enum": ["eu", "us"], "default": "eu"},
        },
    },
)


def by_name(**given):
    return {field.name: field for field in fields_of(WAY, **given)}


def test_each_field_gets_the_control_that_it_needs():
    fields = by_name()
    assert {name: field.control for name, field in fields.items()} == {
        "username": "text", "password": "password", "private_key": "area", "region": "choice",
    }  # fmt: skip
    assert [name for name, field in fields.items() if field.required] == ["username", "password"]
    assert [name for name, field in fields.items() if field.secret] == ["password", "private_key"]
    assert (fields["username"].label, fields["password"].label) == ("User name", "Password")
    assert (fields["password"].shortest, fields["username"].longest) == (4, 20)
    assert (fields["region"].choices, fields["region"].value) == (("eu", "us"), "eu")


def test_a_secret_is_never_filled_in_again():
    fields = by_name(given={"username": "anna", "password": "the secret", "private_key": "the secret"})
    assert fields["username"].value == "anna"
    assert {fields["password"].value, fields["private_key"].value} == {""}


def test_what_is_wrong_stands_at_its_field():
    given = {"username": "a!", "region": "mars", "private_key": "x" * 16_385}
    errors = {name: field.error for name, field in by_name(given=given, wrong=wrong_with(WAY, given)).items()}
    assert errors == {
        "username": "error_form", "password": "error_required", "private_key": "error_long", "region": "error_form",
    }  # fmt: skip
    assert wrong_with(WAY, {"username": "anna", "password": "pass", "region": "us"}) == []


def test_what_was_copied_along_is_left_out():
    form = {
        "f.username": " anna\n", "f.password": " with blanks ", "f.private_key": "-----BEGIN\r\nKEY\r\n-----END\r\n",
        "f.region": "", "f.other": "x", "way": "main",
    }  # fmt: skip
    assert entered(WAY, form) == {
        "username": "anna", "password": " with blanks ", "private_key": "-----BEGIN\nKEY\n-----END",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("^[A-Za-z0-9_-]{10,60}$", r"[A-Za-z0-9_\-]{10,60}"), (r"^\d{4}$", r"\d{4}"), ("^key-[a-z]+$", "key-[a-z]+"),
        ("[a-z]+", None), ("^(a|b)$", None), ("^[^a]$", None), (r"^\p{L}+$", None), ("^[a&&b]$", None),
    ],
)  # fmt: skip
def test_a_browser_is_given_a_pattern_only_if_it_reads_it_alike(source, found):
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": source}}}
    (field,) = fields_of(method(type="api_key", fields=schema))
    assert field.pattern == found
    if found:
        re.compile(found)
