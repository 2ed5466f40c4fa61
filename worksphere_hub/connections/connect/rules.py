"""PURE: who may act on a connect page, in which language, and what a form of it must bring along."""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from worksphere_hub.connections import flow_rules
from worksphere_hub.connections.errors import NotFromPage

_COOKIE = "hub-connect-"
_FORM_FIELDS = 60
_TAG = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*")
_LONGEST_HEADER = 1_000


def cookie_name(token: str, *, secure: bool) -> str:
    """The cookie of one page: several can be open in one browser."""
    return f"{'__Host-' if secure else ''}{_COOKIE}{flow_rules.digest(token).hex()[:16]}"


def form_key(browser: str) -> str:
    """What a page's forms carry: only who has the browser's cookie can know it."""
    return hashlib.sha256(f"connect-form:{browser}".encode()).hexdigest()


def require_own_form(browser: str | None, key: str, headers: Mapping[str, str], base: str) -> str:
    """Answers the browser's cookie. Raises NotFromPage unless a form comes from the page that this browser was given.

    The key decides; the headers stop what a browser itself knows to come from elsewhere. The page is sent with
    `no-referrer`, with which browsers say `Origin: null` even of its own forms.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    foreign = site not in {None, "same-origin"} or (site is None and origin not in {None, "null", base})
    if foreign or browser is None or not flow_rules.is_token(browser) or key != form_key(browser):
        raise NotFromPage
    return browser


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a posted form. Raises NotFromPage if it is none: no page of ours sends that."""
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FORM_FIELDS, errors="strict")
    except ValueError:
        raise NotFromPage from None
    return dict(pairs)


def language(known: tuple[str, ...], chosen: str | None, kept: str | None, accepted: str | None) -> str:
    """What was clicked, else what the session says, else what the browser prefers, else the first."""
    for name in (chosen, kept):
        if name in known:
            assert name is not None
            return name
    best, weight = known[0], 0.0
    for part in (accepted or "")[:_LONGEST_HEADER].split(","):
        found = _TAG.fullmatch(part)
        if found is None or found[1].lower() not in known:
            continue
        wanted = float(found[2] or 1)
        if wanted > weight:
            best, weight = found[1].lower(), wanted
    return best


def form_targets(base: str, *, leaving: bool) -> str:
    """Where forms may lead: to the page itself, and from the form that leads to the consent page to wherever that is.

    Browsers hold the whole way there to this, not its first step alone.
    """
    if not leaving:
        return "'self'"
    return "'self' https:" if base.startswith("https:") else "'self' https: http:"
