"""A manifest is taken in whole: its expressions compiled, its schemas bounded, its digest its content's."""

import pytest

from tests.sdk.manifest.samples import base
from worksphere_hub.catalog import manifests
from worksphere_hub.catalog.errors import InvalidManifest
from worksphere_hub.catalog.manifests import EXPRESSION_LIMIT, SIZE_LIMIT, check, require, stored


def fields(document) -> dict[str, str]:
    return {each.field: each.message for each in check(document).problems}


def test_a_sound_one_is_taken():
    checked, manifest = require(base())
    assert (checked.manifest, checked.problems) == (manifest, ())
    assert len(checked.digest) == 32


def test_the_digest_is_of_the_content_and_not_of_its_order():
    document = base()
    assert check(dict(reversed(document.items()))).digest == check(document).digest
    assert check(base(summary="Another.")).digest != check(document).digest


def test_an_expression_that_does_not_compile_is_told_with_its_place():
    assert "At character" in fields(base(streams__tickets__records="data["))["streams.tickets.records"]


def test_an_expression_without_end_is_refused():
    assert (
        "does not end" in fields(base(verification__works="($f := function($x){$f($x)}; $f(1))"))["verification.works"]
    )


def test_a_schema_that_costs_too_much_is_refused():
    chain = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 9} for n in range(9)} | {"a9": {"type": "string"}}
    found = fields(base(settings__properties={"subdomain": {"$ref": "#/$defs/a0"}}, **{"settings__$defs": chain}))
    assert "asks about one value up to" in found["settings"]


def test_a_schema_fetches_nothing():
    found = fields(base(actions__close__input_schema__properties={"id": {"$ref": "https://evil.test/schema"}}))
    assert any("input_schema" in field for field in found)


def test_a_large_one_is_refused_before_it_is_read():
    found = fields(base(description="x" * SIZE_LIMIT))
    assert list(found) == ["manifest"]
    assert "the limit is 262144" in found["manifest"]


def test_there_is_an_end_to_expressions():
    scope = {f"c{number}": "id" for number in range(EXPRESSION_LIMIT)}
    oauth = {
        "type": "oauth2", "label": "x", "authorize_url": "https://a.cdn.tickets.example", "capture": scope,
        "token_url": "https://a.cdn.tickets.example",
    }  # fmt: skip
    assert f"more than {EXPRESSION_LIMIT} expressions" in fields(base(auth={"oauth": oauth}))["manifest"]


def test_the_failure_holds_all_problems():
    with pytest.raises(InvalidManifest, match=r"name is missing; add it \(and 1 more\)") as refused:
        require(base(name=None, version="x"))
    assert {each.field for each in refused.value.problems} == {"name", "version"}


def test_what_is_stored_is_read_once():
    document = base(summary="Read once.")
    digest = check(document).digest
    assert manifests.known(digest) is None
    first = stored(digest, document)
    assert manifests.known(digest) is first
    assert stored(digest, None) is first


def test_what_was_registered_by_other_rules_says_so():
    with pytest.raises(InvalidManifest, match="Publish a new one"):
        stored(b"x" * 32, {"slug": "old"})
