"""The pages themselves: from what is known of a visit to HTML. Whatever anybody has written is escaped."""

import gzip
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from worksphere_hub import ids
from worksphere_hub.connections import flow_rules, scopes
from worksphere_hub.connections.connect.fields import Field, fields_of
from worksphere_hub.connections.connect.visit import Visit
from worksphere_hub.connections.schemas import AuthorizationOut
from worksphere_hub.sdk.manifest.auth import AuthMethod, OAuth2

_FOLDER = Path(__file__).parent
TEXTS: dict[str, dict[str, str]] = json.loads((_FOLDER / "texts.json").read_text(encoding="utf-8"))
LANGUAGES = tuple(TEXTS)

_CODE_SECONDS, _BUSY_SECONDS = 5, 2
# What is said of each problem; of any other that it did not work.
_ALERTS = {
    "refused": "p_refused",
    "missing_scopes": "p_missing",
    "provider_refused": "p_provider_refused",
    "oauth_wrong_issuer": "p_provider_refused",
    "provider_unavailable": "p_unavailable",
    "test_failed": "p_test",
    "oauth_client_missing": "p_setup",
    "invalid_connection": "p_setup",
    "host_not_allowed": "p_setup",
    "credential_unusable": "p_setup",
    "wrong_grant": "p_setup",
    "insecure_origin": "p_setup",
    "too_many_connections": "p_setup",
    "oauth_flow_refused": "p_late",
    "code_over": "p_code",
    "invalid_credential": "error_fields",
}
# Pages of which there is nothing more to say than what happened.
NOTICES = {
    "no_such_connect_page": ("gone_title", "gone", None),
    "connect_other_browser": ("elsewhere_title", "elsewhere", None),
    "connect_not_from_page": ("foreign_title", "foreign", "reopen"),
    "connect_busy": ("busy_title", "busy", "reopen"),
    "connection_disabled": ("unavailable_title", "unavailable", None),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last try led nowhere: its code, what the other side said, and which of the fields are wrong."""

    code: str
    said: str | None = None
    fields: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Setting:
    """What every page of one answer needs: its language, the nonce of its policy, the browser's form key."""

    language: str
    key: str = ""
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def text(self, key: str, **values: str) -> str:
        """A sentence; what stands in it keeps its own direction of writing."""
        return TEXTS[self.language][key].format_map({name: f"\u2068{value}\u2069" for name, value in values.items()})


def compressed(page: str) -> bytes:
    """A page as it travels."""
    return gzip.compress(page.encode(), 6, mtime=0)


def way_page(
    setting: Setting, visit: Visit, chosen: str | None, trouble: Trouble | None, given: Mapping[str, str]
) -> str:
    """Choose a way, or the form of the one that was chosen."""
    ways = visit.ways()
    way = _way(visit, ways, chosen)
    method = ways.get(way) if way else None
    known = trouble or _kept(visit)
    title = "title_again" if visit.again else "title"
    return _render(
        "way.html", setting, way=way or "", title=setting.text(title, provider=visit.provider),
        **_names(visit), ways=list(ways.items()), several=len(ways) > 1 and method is not None, method=method,
        kind="choice" if method is None else _kind(method), cancel=_cancelled(visit),
        alert=_alert(setting, visit, known), said=_said(known), retest=_is_testable(known),
        sentences=_sentences(visit, method), fields=_fields(method, given, known), script=True,
    )  # fmt: skip


def leads_away(visit: Visit, chosen: str | None) -> bool:
    """Whether the page of a way has the form that leads to the provider's consent page."""
    ways = visit.ways()
    way = _way(visit, ways, chosen)
    return way is not None and _kind(ways[way]) == "consent"


def code_page(setting: Setting, visit: Visit, told: AuthorizationOut) -> str:
    """The code, and where it is to be typed in. It looks for itself whether that was done."""
    where = told.verification_uri or ""
    target = told.verification_uri_complete or where
    if not target.startswith(("https://", "http://")):
        target = ""  # what a provider says is not followed anywhere else
    return _render(
        "code.html", setting, way="", **_names(visit), user_code=told.user_code, where=where, target=target,
        host=urlsplit(target).hostname or where, cancel=_cancelled(visit), refresh=_CODE_SECONDS,
    )  # fmt: skip


def done_page(setting: Setting, visit: Visit) -> str:
    """The account works."""
    back = _back(visit, "connected")
    account = visit.connection.account_label if visit.connection else None
    return _render("done.html", setting, way="", **_names(visit), account=account, back=back)


def notice_page(setting: Setting, code: str, request: str) -> str:
    """What happened, and what to do next."""
    heading, text, again = NOTICES.get(code, ("failed_title", "failed", "reopen"))
    return _render(
        "notice.html", setting, way="", heading=setting.text(heading),
        text=setting.text(text, request=request),
        again=setting.text(again) if again else None, refresh=_BUSY_SECONDS if code == "connect_busy" else None,
    )  # fmt: skip


def policy(setting: Setting, targets: str) -> str:
    """The content security policy: this page's own style and script, and nothing else from anywhere."""
    return (
        f"default-src 'none'; style-src 'nonce-{setting.nonce}'; script-src 'nonce-{setting.nonce}'; img-src data:; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )


def _render(template: str, setting: Setting, **values: Any) -> str:
    whole: dict[str, Any] = {"refresh": None, "script": False, "links": True} | values
    return _environment().get_template(template).render(
        t=setting.text, language=setting.language, nonce=setting.nonce, key=setting.key,
        languages=[(code, texts["language"]) for code, texts in TEXTS.items()], **whole,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters = cast("dict[str, Any]", made.filters)
    filters["query"] = _query
    return made


def _query(values: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def _names(visit: Visit) -> dict[str, str]:
    return {"product": visit.product, "provider": visit.provider}


def _way(visit: Visit, ways: Mapping[str, AuthMethod], chosen: str | None) -> str | None:
    """The way that the page is about: chosen, the only one, or the one that was taken before."""
    if chosen in ways:
        return chosen
    if len(ways) == 1:
        return next(iter(ways))
    before = visit.connection.auth_method if visit.connection else None
    return before if before in ways and chosen is None else None


def _kind(method: AuthMethod) -> str:
    if isinstance(method, OAuth2) and method.grant == "authorization_code":
        return "consent"
    return "code" if isinstance(method, OAuth2) and method.grant == "device_code" else "fields"


def _fields(method: AuthMethod | None, given: Mapping[str, str], trouble: Trouble | None) -> list[Field]:
    if method is None or _kind(method) != "fields":
        return []
    return fields_of(method, given, trouble.fields if trouble else ())


def _sentences(visit: Visit, method: AuthMethod | None) -> list[str]:
    if not isinstance(method, OAuth2):
        return []
    connection = visit.connection
    asked = connection.requested_scopes if connection is not None and visit.again else None
    return [method.scopes[name].sentence for name in scopes.wanted(method, asked)]


def _kept(visit: Visit) -> Trouble | None:
    """What the last step left behind."""
    code = visit.row["problem"]
    return None if code is None else Trouble(code, visit.row["problem_detail"])


def _alert(setting: Setting, visit: Visit, trouble: Trouble | None) -> str | None:
    if trouble is None:
        return None
    key = _ALERTS.get(trouble.code, "p_other")
    if (trouble.code, trouble.said) == ("test_failed", "credential_refused"):
        key = "p_credential"
    return setting.text(key, provider=visit.provider, product=visit.product, scopes=_missing(visit))


def _said(trouble: Trouble | None) -> str | None:
    """What the provider's answer was in one word, where that says more than the sentence."""
    if trouble is None or trouble.code not in {"provider_refused", "test_failed"}:
        return None
    return None if trouble.said == "credential_refused" else trouble.said


def _missing(visit: Visit) -> str:
    connection = visit.connection
    if connection is None:
        return ""
    method = visit.definition.manifest.auth.get(connection.auth_method)
    known = method.scopes if isinstance(method, OAuth2) else {}
    return "; ".join(known[name].sentence.rstrip(".") if name in known else name for name in connection.missing_scopes)


def _is_testable(trouble: Trouble | None) -> bool:
    """Whether the same once more may do: what a provider refuses it will refuse again."""
    return trouble is not None and trouble.code == "test_failed" and trouble.said != "credential_refused"


def _back(visit: Visit, status: str) -> str | None:
    url = visit.row["return_url"]
    if url is None:
        return None
    connection = ids.encode("con", visit.connection.id) if visit.connection else None
    return flow_rules.returning(url, connection_id=connection, status=status)


def _cancelled(visit: Visit) -> str | None:
    url = visit.row["return_url"]
    return None if url is None else flow_rules.returning(url, status="cancelled")
