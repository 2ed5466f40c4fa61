"""What every listing by manifest alone is held to: it can be taken, and says where it was looked up, twice."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import combinations
from urllib.parse import urlsplit

import pytest

from worksphere_hub.catalog import builtin, manifests
from worksphere_hub.catalog.connectors import connector_folder
from worksphere_hub.sdk.manifest.auth import ApiKey, AuthMethod, Basic, Bearer, Custom, OAuth2, Placement
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.rules import calls
from worksphere_hub.sdk.manifest.template import names
from worksphere_hub.sdk.quality import TIERS, judge

FILES = {file.stem: file for file in sorted(builtin.FOLDER.glob("*.json"))}
SOURCES = builtin.FOLDER / "sources"
# Sites whose pages are by whoever the name before theirs is of.
HOSTED = {"readme.io", "readthedocs.io", "github.io", "gitbook.io", "zendesk.com", "mintlify.app"}
# Whose rules are made from another's, and so know nothing by themselves.
AFTER = {"mongodb": "trufflesecurity"}
ENDPOINTS = ("authorize_url", "token_url", "refresh_url", "revoke_url", "device_url")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def facts_of(manifest: Manifest) -> dict[str, str]:
    """Whatever has to be right for a connection to come about, by its path in the manifest."""
    found: dict[str, str] = {}
    for key, method in manifest.auth.items():
        found |= {f"auth.{key}.{name}": value for name, value in facts_of_method(method)}
    if manifest.api is not None:
        found["api.base_url"] = manifest.api.base_url
    return found | {f"{path}.path": call.path for path, call in calls(manifest) if path.endswith("verification")}


def facts_of_method(method: AuthMethod) -> Iterator[tuple[str, str]]:
    if isinstance(method, OAuth2):
        yield from ((name, url) for name in ENDPOINTS if (url := getattr(method, name)) is not None)
        if "place" in method.model_fields_set:
            yield "place", placed(method.place)
    elif isinstance(method, Custom):
        yield from ((f"steps.{at}.url", step.url) for at, step in enumerate(method.steps))
        yield "place", placed(method.place)
    elif isinstance(method, Basic):
        yield "place", f"basic {method.username}:{method.password}"
    elif isinstance(method, Bearer):
        yield "place", f"header authorization: Bearer {method.token}"
    elif isinstance(method, ApiKey):
        yield "place", placed(method.place)


def placed(places: list[Placement]) -> str:
    return ", ".join(f"{each.where} {each.name}: {each.value}" for each in places)


def party(source: str) -> str:
    """Who says it: the owner of a repository, or the name of a site."""
    address = urlsplit(source)
    assert address.scheme == "https", source
    assert address.path.strip("/"), f"{source} names no page"
    assert address.hostname is not None
    if address.hostname == "github.com":
        owner, repository, *path = address.path.strip("/").split("/")
        assert repository, source
        assert path, f"{source} names no file"
        return AFTER.get(owner.lower(), owner.lower())
    labels = address.hostname.split(".")
    return labels[-3] if len(labels) > 2 and ".".join(labels[-2:]) in HOSTED else labels[-2]


def independent(sources: list[str]) -> bool:
    """Whether two of them are by parties of which none carries the other's name, as a vendor and its SDK do."""
    pairs = combinations([party(source) for source in sources], 2)
    return any(one not in other and other not in one for one, other in pairs)


def unsound(manifest: Manifest, told: dict) -> list[str]:
    """What a listing's sources do not say, or say otherwise than the manifest."""
    facts = {each["fact"]: each for each in told["facts"]}
    needed = facts_of(manifest)
    wrong = [f"{name} has no sources" for name in needed.keys() - facts.keys()]
    wrong += [f"{name} is no fact of the manifest" for name in facts.keys() - needed.keys()]
    for name in needed.keys() & facts.keys():
        if facts[name]["value"] != needed[name]:
            wrong.append(f"{name} is {needed[name]}, its sources are for {facts[name]['value']}")
        if not independent(facts[name]["sources"]):
            wrong.append(f"{name} has no two independent sources")
    return sorted(wrong)


@pytest.mark.parametrize("slug", FILES)
def test_a_listing_is_taken_and_of_use(slug):
    checked = manifests.check(read(FILES[slug]))
    assert list(checked.problems) == []
    manifest = checked.manifest
    assert manifest is not None
    assert manifest.slug == slug
    assert connector_folder(slug) is None, "a connector by code has its manifest beside it"
    assert manifest.verification or any(method.verification for method in manifest.auth.values())
    assert judge(manifest).tier in TIERS, [each for each in judge(manifest).results if each.status == "missing"]


@pytest.mark.parametrize("slug", FILES)
def test_a_listing_was_looked_up_twice(slug):
    told = read(SOURCES / f"{slug}.json")
    assert told.keys() == {"slug", "checked", "facts"}
    assert told["slug"] == slug
    assert len({each["fact"] for each in told["facts"]}) == len(told["facts"])
    assert unsound(Manifest.model_validate(read(FILES[slug])), told) == []


def loose_inputs(manifest: Manifest) -> list[str]:
    """Inputs that go into a path and may hold what ends it: nothing in a path is encoded for whoever gave it."""
    found: list[str] = []
    for key, action in manifest.actions.items():
        inputs = [name.removeprefix("input.") for name in names(action.call.path) if name.startswith("input.")]
        for name in inputs:
            schema = action.input_schema["properties"][name]
            bounded = schema.get("type") in {"integer", "number"} or "enum" in schema
            if not bounded and ("pattern" not in schema or re.search(schema["pattern"], "a?b")):
                found.append(f"{key}.{name}")
    return found


@pytest.mark.parametrize("slug", FILES)
def test_an_input_cannot_end_the_path_that_it_goes_into(slug):
    assert loose_inputs(Manifest.model_validate(read(FILES[slug]))) == [], "give it a pattern"


def test_there_are_sources_of_listings_only():
    assert {file.stem for file in SOURCES.glob("*.json")} == FILES.keys()


def test_whose_word_a_source_is():
    assert party("https://github.com/SomeOne/login/blob/HEAD/a.py") == "someone"
    assert party("https://docs.parcels.example/login") == party("https://parcels.readme.io/docs/login") == "parcels"
    assert independent(["https://docs.parcels.example/login", "https://github.com/someone/login/blob/HEAD/a.py"])
    assert not independent(["https://docs.parcels.example/login", "https://github.com/parcels-inc/sdk/blob/HEAD/a.py"])
    detectors = ["https://github.com/trufflesecurity/trufflehog/a.go", "https://github.com/mongodb/kingfisher/a.yml"]
    assert not independent(detectors), "the second was made from the first"


def test_what_is_wrong_would_be_found():
    slug = next(iter(FILES))
    document, told = read(FILES[slug]), read(SOURCES / f"{slug}.json")
    elsewhere = deepcopy(document)
    elsewhere["verification"]["path"] = "/elsewhere"
    assert "verification.path is /elsewhere" in unsound(Manifest.model_validate(elsewhere), told)[0]
    unknown = {**told, "facts": [each for each in told["facts"] if each["fact"] != "api.base_url"]}
    assert unsound(Manifest.model_validate(document), unknown) == ["api.base_url has no sources"]
    fact, *rest = told["facts"]
    once = {**told, "facts": [{**fact, "sources": fact["sources"][:1] * 2}, *rest]}
    assert unsound(Manifest.model_validate(document), once) == [f"{fact['fact']} has no two independent sources"]
    loose = deepcopy(document) | {"actions": {"read": {"title": "Read", "call": {"path": "/a/${input.b}"}}}}
    loose["actions"]["read"]["input_schema"] = {"type": "object", "properties": {"b": {"type": "string"}}}
    assert loose_inputs(Manifest.model_validate(loose)) == ["read.b"]
    astray = deepcopy(document)
    astray["api"]["base_url"] = "https://elsewhere.example"
    assert [problem.field for problem in manifests.check(astray).problems] == ["api.base_url"]
