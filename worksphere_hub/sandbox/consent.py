"""The page on which a person lets an app act for an account, and where it sends them afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse, Response

from worksphere_hub.sandbox.tokens import App, Ask, TokenBook
from worksphere_hub.sandbox.wire import Answered, Call

_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}fieldset{border:1px solid #767676;border-radius:.4rem;margin:1rem 0}label{display:block;"
    "padding:.4rem 0}button{font:inherit;padding:.6rem 1.2rem;margin-right:.6rem;border-radius:.4rem;"
    "border:1px solid #1b1b1b;background:#fff;color:#1b1b1b}button[value=approve]{background:#1b1b1b;color:#fff}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can be signed in at a provider."""

    id: str
    name: str
    email: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Manner:
    """How a vendor does it: the title, what separates scopes, for how many seconds a code is good."""

    title: str
    separator: str = " "
    code_lifetime: float = 600
    hint: str = "login_hint"
    # Scopes that any app may ask for, whatever it was registered with.
    free_scopes: frozenset[str] = frozenset()
    # An administrator's consent goes back without a code.
    gives_code: bool = True


class Consent:
    """The authorization endpoint: GET shows the page, POST with `decision` and `account` goes back to the app."""

    def __init__(
        self,
        book: TokenBook,
        manner: Manner,
        accounts: Callable[[Ask], list[Account]],
        addition: Callable[[Ask, Account], dict[str, str]] = lambda _ask, _account: {},
    ) -> None:
        self._book = book
        self._manner = manner
        self._accounts = accounts
        self._addition = addition

    def show(self, call: Call) -> Response:
        """The page."""
        ask = self._ask(call)
        accounts = self._accounts(ask)
        app = self._book.apps[ask.client_id]
        return HTMLResponse(_page(self._manner, app, ask, accounts, call.query.get(self._manner.hint)), 200, _HEADERS)

    def decide(self, call: Call) -> Response:
        """Back to the app, with a code or with a refusal."""
        ask = self._ask(call)
        chosen = call.form()
        if chosen.get("decision") != "approve":
            raise Answered(_back(ask, {"error": "access_denied", "error_description": "The user denied the request"}))
        accounts = {account.id: account for account in self._accounts(ask)}
        account = accounts.get(chosen.get("account", next(iter(accounts), "")))
        if account is None:
            raise Answered(stop("There is no such account here. Go back and choose one of the list."))
        beside = self._addition(ask, account)
        if not self._manner.gives_code:
            return _back(ask, beside)
        code = self._book.code(ask, account.id, self._manner.code_lifetime)
        return _back(ask, {"code": code.value, **beside})

    def _ask(self, call: Call) -> Ask:
        """The request, checked: a wrong client or redirect URI is told to the person, all else to the app."""
        query = call.query
        app = self._book.apps.get(query.get("client_id", ""))
        if app is None:
            raise Answered(stop("No app with this client_id is registered here."))
        redirect = query.get("redirect_uri") or (app.redirect_uris[0] if app.redirect_uris else "")
        if redirect not in app.redirect_uris:
            raise Answered(stop("The redirect_uri is not one of those that the app is registered with."))
        separator = self._manner.separator
        scopes = tuple(part for part in query.get("scope", "").replace(separator, " ").split() if part)
        challenge = query.get("code_challenge")
        ask = Ask(app.client_id, redirect, scopes, query.get("state"), challenge, dict(query))
        if problem := self._problem(app, ask):
            raise Answered(_back(ask, {"error": problem[0], "error_description": problem[1]}))
        return ask

    def _problem(self, app: App, ask: Ask) -> tuple[str, str] | None:
        query = ask.extra
        if query.get("response_type", "code") != "code":
            return "unsupported_response_type", "response_type must be code"
        if ask.challenge is not None and query.get("code_challenge_method", "plain") != "S256":
            return "invalid_request", "code_challenge_method must be S256"
        if ask.challenge is None and app.settings.get("pkce") == "required":
            return "invalid_request", "missing required code challenge"
        wrong = [scope for scope in ask.scopes if app.scopes and scope not in {*app.scopes, *self._manner.free_scopes}]
        return ("invalid_scope", f"not registered for {' '.join(wrong)}") if wrong else None


def _back(ask: Ask, values: dict[str, str]) -> Response:
    """To the app's redirect URI, with its state."""
    if ask.state is not None:
        values = {**values, "state": ask.state}
    joint = "&" if urlsplit(ask.redirect_uri).query else "?"
    return RedirectResponse(f"{ask.redirect_uri}{joint}{urlencode(values)}", 302, _HEADERS)


def stop(sentence: str) -> Response:
    """A page for the person, where the app must not be told."""
    return HTMLResponse(_document("This request cannot go on", f"<p>{escape(sentence)}</p>"), 400, _HEADERS)


def _page(manner: Manner, app: App, ask: Ask, accounts: list[Account], hint: str | None) -> str:
    scopes = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in _scopes(manner, ask))
    preferred = next((account.id for account in accounts if hint in {account.id, account.email}), None)
    choices = "".join(
        f'<label><input type="radio" name="account" value="{escape(account.id)}"'
        f"{' checked' if account.id == (preferred or accounts[0].id) else ''}> "
        f"{escape(account.name)} ({escape(account.email)})</label>"
        for account in accounts
    )
    body = (
        f"<p><strong>{escape(app.name)}</strong> asks to act for you at {escape(manner.title)}. "
        "This is a sandbox: nobody's real account is involved.</p>"
        f"<h2>It wants</h2><ul>{scopes or '<li>to know who you are</li>'}</ul>"
        f'<form method="post"><fieldset><legend>Account</legend>{choices}</fieldset>'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="deny">Deny</button></form>'
    )
    return _document(f"{manner.title}: let {app.name} in?", body)


def _scopes(manner: Manner, ask: Ask) -> list[str]:
    more = ask.extra.get("user_scope", "").replace(manner.separator, " ").split()
    return [*ask.scopes, *(scope for scope in more if scope not in ask.scopes)]


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
