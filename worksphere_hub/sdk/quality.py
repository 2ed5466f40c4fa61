"""The quality scale: a checklist that a machine reads, and the tier that comes out of it. Nobody claims a tier.

A tier is reached when each of its rules, and each of the tiers below, is fulfilled, does not apply, or is exempt. Only
a code connector has a place to say what it is exempt from, its `quality.json`, and each exemption gives its reason:

    {"exempt": {"inbound-events": "The provider sends none: it has been asked for since 2019."}}
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from worksphere_hub.sdk import fixtures, registry
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest

Tier = Literal["none", "bronze", "silver", "gold", "platinum"]
Status = Literal["done", "not_applicable", "exempt", "missing"]

TIERS: tuple[Tier, ...] = ("bronze", "silver", "gold", "platinum")
_REASON_CHARACTERS = 20
# Grants by which a person gives something away that lasts; the others obtain a new token whenever they like.
_LASTING = frozenset({"authorization_code", "device_code"})


class InvalidQuality(ValueError):
    """A quality.json says something that it may not say."""


class DoesNotApply(Exception):
    """A rule says nothing about this connector, for the reason in its text."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: a manifest, and the folder of a code connector where there is one, with the code."""

    manifest: Manifest
    folder: Path | None = None
    connector: Connector | None = None

    @property
    def is_discovered(self) -> bool:
        """Whether its streams are only known once an account is."""
        return self.connector is not None and type(self.connector).discover is not Connector.discover


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `check` gives what is missing, or None; it raises DoesNotApply."""

    id: str
    tier: Tier
    sentence: str
    check: Callable[[Subject], str | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one rule. `note` says what is missing, why it does not apply, or why it is exempt."""

    rule: Rule
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The tier, and the checklist that it comes from."""

    tier: Tier
    results: tuple[Result, ...]


def judge(manifest: Manifest, folder: Path | None = None, *, strict: bool = False) -> Report:
    """Work out the tier. Raises InvalidQuality when the folder's quality.json cannot be taken.

    `strict`, it may exempt from nothing that is fulfilled: an excuse that is needed no more is taken out.
    """
    exempt: Mapping[str, str] = {} if folder is None else exemptions(folder)
    subject = Subject(manifest, folder, None if folder is None else registry.load(manifest.slug))
    results = tuple(_result(rule, subject, exempt) for rule in RULES)
    for result in results:
        if strict and result.rule.id in exempt and result.status != "exempt":
            raise InvalidQuality(f"exempt.{result.rule.id} is not needed: the rule is fulfilled. Take it out.")
    return Report(_tier(results), results)


def exemptions(folder: Path) -> Mapping[str, str]:
    """What a connector says it is exempt from, with the reasons."""
    file = folder / "quality.json"
    if not file.exists():
        return {}
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidQuality(f"quality.json is not JSON: {error}") from None
    found = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if found.keys() != {"exempt"} or not isinstance(found["exempt"], dict):
        raise InvalidQuality('quality.json holds {"exempt": {rule: reason}} and nothing else: a tier is worked out.')
    known = {rule.id for rule in RULES}
    reasons = cast("dict[str, Any]", found["exempt"])
    for name, reason in reasons.items():
        if name not in known:
            raise InvalidQuality(f"exempt.{name} is no rule; there are {', '.join(sorted(known))}.")
        if not isinstance(reason, str) or len(reason) < _REASON_CHARACTERS:
            raise InvalidQuality(f"exempt.{name} needs a reason of at least {_REASON_CHARACTERS} characters.")
    return reasons


def _result(rule: Rule, subject: Subject, exempt: Mapping[str, str]) -> Result:
    try:
        missing = rule.check(subject)
    except DoesNotApply as reason:
        return Result(rule, "not_applicable", str(reason))
    if missing is None:
        return Result(rule, "done")
    if rule.id in exempt:
        return Result(rule, "exempt", exempt[rule.id])
    return Result(rule, "missing", missing)


def _tier(results: tuple[Result, ...]) -> Tier:
    reached: Tier = "none"
    for tier in TIERS:
        if any(result.status == "missing" for result in results if result.rule.tier == tier):
            break
        reached = tier
    return reached


def _documentation(subject: Subject) -> str | None:
    links = subject.manifest.links
    return None if links.documentation else "links.documentation is missing"


def _description(subject: Subject) -> str | None:
    return None if len(subject.manifest.description) >= 80 else "description has fewer than 80 characters"


def _verification(subject: Subject) -> str | None:
    if subject.manifest.api is None:
        raise DoesNotApply("It has no API to call.")
    return None if subject.manifest.verification else "verification is missing"


def _titles(subject: Subject) -> str | None:
    untitled = [path for path, field in _entered(subject.manifest) if not field.get("title")]
    return f"{untitled[0]} has no title" if untitled else None


def _secrets(subject: Subject) -> str | None:
    for key, method in subject.manifest.auth.items():
        if isinstance(method, OAuth2):
            # Its secret is the client's; a tenant or an account id is none.
            continue
        fields = [field for path, field in _entered(subject.manifest) if path.startswith(f"auth.{key}.")]
        if fields and not any(field.get("writeOnly") is True for field in fields):
            return f"auth.{key}.fields has no field with writeOnly: true"
    return None


def _scope_sentences(subject: Subject) -> str | None:
    scopes = [(name, scope) for method in _oauth(subject.manifest) for name, scope in method.scopes.items()]
    bare = [name for name, scope in scopes if " " not in scope.sentence.strip() or scope.sentence == name]
    return f"the scope {bare[0]} has no sentence that says what it allows" if bare else None


def _account(subject: Subject) -> str | None:
    verification = subject.manifest.verification
    if verification is None:
        raise DoesNotApply("It has no verification call.")
    if all(method.type == "none" for method in subject.manifest.auth.values()):
        raise DoesNotApply("It has no accounts.")
    missing = [name for name in ("account_key", "account_label") if getattr(verification, name) is None]
    return f"verification.{missing[0]} is missing" if missing else None


def _rates(subject: Subject) -> str | None:
    if subject.manifest.api is None:
        raise DoesNotApply("It has no API to call.")
    return None if subject.manifest.api.rates else "api.rates is empty"


def _lifetimes(subject: Subject) -> str | None:
    for key, method in subject.manifest.auth.items():
        if isinstance(method, OAuth2) and not {"rotation", "lifetimes"} & method.model_fields_set:
            return f"auth.{key} says neither rotation nor lifetimes"
    _oauth(subject.manifest)
    return None


def _changelog(subject: Subject) -> str | None:
    version = subject.manifest.version
    known = {change.version for change in subject.manifest.changelog}
    return None if version in known else f"changelog has no entry for {version}"


def _support(subject: Subject) -> str | None:
    return None if subject.manifest.links.support else "links.support is missing"


def _revocation(subject: Subject) -> str | None:
    _oauth(subject.manifest)
    for key, method in subject.manifest.auth.items():
        if isinstance(method, OAuth2) and method.grant in _LASTING and method.revoke_url is None:
            return f"auth.{key}.revoke_url is missing"
    return None


def _streams(subject: Subject) -> str | None:
    schemas = {name: stream.record_schema for name, stream in subject.manifest.streams.items()}
    if subject.connector is not None:
        schemas = {name: stream.kind.schema or None for name, stream in subject.connector.streams.items()}
    if not schemas:
        # What is discovered comes with its schema.
        return None if subject.is_discovered else "it has no streams"
    bare = [name for name, schema in schemas.items() if schema is None]
    return f"streams.{bare[0]} has no schema of its records" if bare else None


def _actions(subject: Subject) -> str | None:
    schemas = {name: action.input_schema for name, action in subject.manifest.actions.items()}
    if subject.connector is not None:
        schemas = {name: dict(action.deed.input_schema) for name, action in subject.connector.actions.items()}
    if not schemas:
        return "it has no actions"
    bare = [name for name, schema in schemas.items() if not schema.get("properties")]
    return f"actions.{bare[0]}.input_schema describes nothing" if bare else None


def _inbound(subject: Subject) -> str | None:
    inbound = subject.manifest.inbound
    if inbound is None:
        return "it takes no inbound events"
    return None if inbound.events else "inbound.events is empty"


def _screenshots(subject: Subject) -> str | None:
    return None if subject.manifest.screenshots else "it has no screenshots"


def _privacy(subject: Subject) -> str | None:
    return None if subject.manifest.links.privacy else "links.privacy is missing"


def _incremental(subject: Subject) -> str | None:
    whole = [name for name, stream in subject.manifest.streams.items() if stream.cursor_field is None]
    if subject.connector is not None:
        if subject.is_discovered:
            raise DoesNotApply("Its streams are the account's own.")
        whole = [name for name, stream in subject.connector.streams.items() if not stream.kind.incremental]
    return f"streams.{whole[0]} has no cursor_field: it is read whole each time" if whole else None


def _least(subject: Subject) -> str | None:
    methods = [method for method in _oauth(subject.manifest) if method.scopes]
    if not methods:
        raise DoesNotApply("Its accounts have no scopes.")
    parts = [(f"streams.{name}", stream.scopes) for name, stream in subject.manifest.streams.items()]
    parts += [(f"actions.{name}", action.scopes) for name, action in subject.manifest.actions.items()]
    if subject.connector is not None:
        code = subject.connector
        parts = [(f"streams.{name}", [*stream.kind.scopes]) for name, stream in code.streams.items()]
        parts += [(f"actions.{name}", [*action.deed.scopes]) for name, action in code.actions.items()]
    bare = [path for path, scopes in parts if not scopes]
    return f"{bare[0]}.scopes is empty" if bare else None


def _readme(subject: Subject) -> str | None:
    file = _folder(subject) / "README.md"
    if not file.exists() or len(file.read_text(encoding="utf-8").splitlines()) < 10:
        return "README.md has fewer than 10 lines"
    return None


def _fixtures(subject: Subject) -> str | None:
    try:
        return None if fixtures.load(_folder(subject)) else "fixtures/ holds no recorded answers"
    except fixtures.InvalidFixture as error:
        return f"fixtures/{error}"


def _real_fixtures(subject: Subject) -> str | None:
    if _fixtures(subject) is None and {"account"} & {each.origin for each in fixtures.load(_folder(subject)).values()}:
        return None
    return "no recorded answer came from an account"


def _folder(subject: Subject) -> Path:
    if subject.folder is None:
        raise DoesNotApply("It is a manifest alone.")
    return subject.folder


def _oauth(manifest: Manifest) -> list[OAuth2]:
    found = [method for method in manifest.auth.values() if isinstance(method, OAuth2)]
    if not found:
        raise DoesNotApply("It does not use OAuth 2.")
    return found


def _entered(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field that a person enters, with its path."""
    schemas = {"settings": manifest.settings}
    schemas |= {f"auth.{key}.fields": method.fields for key, method in manifest.auth.items()}
    for path, schema in schemas.items():
        for name, field in cast("dict[str, Any]", schema.get("properties") or {}).items():
            yield f"{path}.properties.{name}", cast("dict[str, Any]", field) if isinstance(field, dict) else {}


RULES: tuple[Rule, ...] = (
    Rule("documentation", "bronze", "It says where the provider's documentation is.", _documentation),
    Rule("description", "bronze", "It says in a paragraph what it is for.", _description),
    Rule("verification", "bronze", "A call says whether a credential works.", _verification),
    Rule("titles", "bronze", "Every field that a person enters has a title.", _titles),
    Rule("secrets-marked", "bronze", "What is secret among the entered fields is marked so.", _secrets),
    Rule("scope-sentences", "bronze", "Every scope has a sentence that says what it allows.", _scope_sentences),
    Rule("readme", "bronze", "The connector's folder explains itself.", _readme),
    Rule("account-known", "silver", "A connection shows which account it is of.", _account),
    Rule("rate-limits", "silver", "The provider's rate limits are known, so that they are kept.", _rates),
    Rule("token-lifetimes", "silver", "It is known how long tokens live and whether they rotate.", _lifetimes),
    Rule("changelog", "silver", "Each version says what it changed.", _changelog),
    Rule("support", "silver", "It says where to ask for help.", _support),
    Rule("fixtures", "silver", "Recorded answers say what comes of them, and who gave them.", _fixtures),
    Rule("revocation", "gold", "Disconnecting revokes the tokens at the provider.", _revocation),
    Rule("streams", "gold", "Records can be read, and their fields are described.", _streams),
    Rule("actions", "gold", "Something can be done at the provider, with described input.", _actions),
    Rule("privacy", "gold", "It says where the provider's privacy policy is.", _privacy),
    Rule("inbound-events", "platinum", "What happens at the provider arrives without asking.", _inbound),
    Rule("incremental", "platinum", "Every stream is read from where the last read ended.", _incremental),
    Rule("least-scopes", "platinum", "Every stream and action names the scopes that it needs.", _least),
    Rule("real-fixtures", "platinum", "Some of the recorded answers came from a real account.", _real_fixtures),
    Rule("screenshots", "platinum", "Pictures show what one gets.", _screenshots),
)
