"""A customer's browser on a connect page: it keeps cookies, reads forms as they are written, and follows the hub."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.connections.conftest import Desk, application
from tests.http.driving import Answer, call

BASE = "https://hub.example.com"


class _Forms(HTMLParser):
    """The forms of a page with their fields' values."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "form":
            self.inside = True
            assert named["method"] == "post"
            self.forms.append({})
        elif tag in {"input", "textarea", "select"} and self.inside:
            self.forms[-1][str(named["name"])] = named.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False


@dataclass
class Browser:
    """One of a person's."""

    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)
    seen: list[Answer] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    async def get(self, url: str, **headers: str) -> Answer:
        return await self._go("GET", url, b"", headers)

    async def send(self, url: str, form: dict[str, str], **headers: str | None) -> Answer:
        """Send a form as a browser does from the hub's own page; follows the redirect to a page of the hub."""
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": "null", "sec-fetch-site": "same-origin"}
        kept = {name: value for name, value in (sent | headers).items() if value is not None}
        answer = await self._go("POST", url, urlencode(form).encode(), kept)
        if answer.status == 303 and answer.headers["location"].startswith(f"{BASE}/connect/"):
            return await self.get(answer.headers["location"])
        return answer

    async def press(self, url: str, page: Answer, number: int = 0, **fields: str) -> Answer:
        """Fill in a form of a page that was shown, and send it."""
        form = forms_of(page)[number]
        typed = {f"f.{name}": value for name, value in fields.items()}
        assert typed.keys() <= form.keys(), form
        return await self.send(url, form | typed)

    async def _go(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        parts = urlsplit(url)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        state = self.desk.state(**self.changes)
        answer = await call(application(), method, path, body=body, headers=sent, state=state)
        if cookie := answer.headers.get("set-cookie"):
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0].strip('"')
            self.cookies[name] = value
            if "max-age=0" in cookie.lower():
                del self.cookies[name]
        self.seen.append(answer)
        return answer


def forms_of(page: Answer) -> list[dict[str, str]]:
    parser = _Forms()
    parser.feed(page.body.decode())
    return parser.forms


def text_of(page: Answer) -> str:
    """What a person reads on a page."""
    body = re.sub(r"<(style|script|title)\b.*?</\1>", "", page.body.decode(), flags=re.DOTALL)
    plain = html.unescape(re.sub(r"<[^>]+>", " ", body))
    return " ".join(plain.replace("\u2068", "").replace("\u2069", "").split())


def links_of(page: Answer) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<a [^>]*href="([^"]*)"', page.body.decode())]


def query_of(answer: Answer) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


KEY = {
    "type": "api_key",
    "label": "API key",
    "description": "An administrator of Example makes one.",
    "place": [{"name": "x-api-key", "value": "${credential.key}"}],
    "fields": {
        "type": "object",
        "required": ["key"],
        "additionalProperties": False,
        "properties": {
            "key": {"type": "string", "title": "Key", "description": "Under Settings.", "writeOnly": True,
                    "minLength": 8, "pattern": "^key-[a-z0-9-]+$"},
            "note": {"type": "string", "title": "Remark", "maxLength": 20},
        },
    },
}  # fmt: skip
RETURN = "https://app.example.com/done?from=hub"


@dataclass
class Customer(Browser):
    """Somebody who was given the address of a page."""

    url: str = ""
    session: str = ""

    async def state_of(self) -> dict[str, Any]:
        """The session as the host product sees it."""
        answer = await self.desk.ask("GET", f"/v1/connect-sessions/{self.session}")
        assert answer.status == 200, answer.body
        return answer.json()


@dataclass
class Host:
    """The host product: it makes pages for its customers."""

    desk: Desk

    async def invite(self, *ways: dict[str, Any], client: bool = False, **given: Any) -> Customer:
        """An integration with these ways of authorizing, and a page for it."""
        instance = await self.desk.installed(*(ways or (KEY,)))
        if client:
            await self.desk.client(instance)
        return await self.page(instance_id=instance, **given)

    async def page(self, **wanted: Any) -> Customer:
        await self.desk.ask("PUT", "/v1/oauth-return-urls", {"urls": [RETURN]})
        answer = await self.desk.ask("POST", "/v1/connect-sessions", wanted)
        assert answer.status == 201, answer.body
        made = answer.json()
        return Customer(self.desk, url=made["url"], session=made["id"])


@pytest.fixture
def host(desk: Desk) -> Host:
    return Host(desk)
