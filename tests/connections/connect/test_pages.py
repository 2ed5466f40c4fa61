"""The pages in every language, and a phone with a real browser on a slow line that goes all the way."""

import html
import json
import re
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.connections.connect import phone as phones
from tests.connections.connect.conftest import KEY, RETURN
from tests.http.driving import build, serving
from worksphere_hub.connections import routes
from worksphere_hub.connections.connect import pages

SECRET = "key-0192f0c1-secret"
_HOLE = re.compile(r"{\w+}")


@pytest.mark.parametrize("language", pages.LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_holes(language):
    english, other = pages.TEXTS["en"], pages.TEXTS[language]
    assert other.keys() == english.keys()
    for key, sentence in english.items():
        assert sorted(_HOLE.findall(other[key])) == sorted(_HOLE.findall(sentence)), key
        assert other[key].strip()


def test_every_sentence_is_used():
    folder = pages._FOLDER
    sources = [*folder.glob("*.py"), *(folder / "templates").glob("*.html")]
    used = set(re.findall(r"""["']([a-z_]+)["']""", "\n".join(path.read_text() for path in sources)))
    assert pages.TEXTS["en"].keys() - used == set()


def test_what_is_put_into_a_sentence_keeps_its_direction_and_is_no_template():
    setting = pages.Setting("ar")
    assert "\u2068{product}<b>\u2069" in setting.text("cancel", product="{product}<b>")


class Consent:
    """A provider's consent page in front of the test's authorization server, on a host of its own."""

    def __init__(self, desk) -> None:
        self.desk = desk

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.desk.authority(scope, receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode()))
        code = self.desk.authority.authorize(query)
        back = html.escape(query["redirect_uri"] + "?" + urlencode({"state": query["state"]}))
        page = (
            '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Consent</title>'
            '<link rel="icon" href="data:,"><main><h1>Agree?</h1>'
            f'<p><a href="{back}&amp;code={code}">Agree</a></p>'
            f'<p><a href="{back}&amp;error=access_denied">Refuse</a></p>'
        ).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": page})


@asynccontextmanager
async def street(desk):
    """A hub and a consent page on real sockets, and a phone; yields the phone and how to make a page."""

    @asynccontextmanager
    async def lifespan(_):
        yield desk.state(public_url="")

    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(phones.running())
        hub = await stack.enter_async_context(serving(build(routes.ROUTERS, lifespan=lifespan)))
        consent = await stack.enter_async_context(serving(Consent(desk)))
        oauth = desk.method(label="Sign in", authorize_url=f"http://localhost:{consent}/authorize")
        instance = await desk.installed(KEY, oauth)
        await desk.client(instance, auth_method="way1")
        await desk.ask("PUT", "/v1/oauth-return-urls", {"urls": [RETURN]})

        async def page(**given) -> str:
            wanted = {"instance_id": instance, "product": "Acme Desk", "return_url": RETURN, **given}
            made = await desk.ask(
                "POST", "/v1/connect-sessions", wanted, headers={"host": f"127.0.0.1:{hub}"}, public_url=""
            )
            assert made.status == 201, made.body
            return made.json()["url"]

        yield phone, page


async def test_a_phone_on_a_slow_line_connects_accounts(desk):
    desk.authority.keys.add(SECRET)
    async with street(desk) as (phone, page):
        seen = []

        async def does(do, **wanted):
            seen.append(await phone(do, **wanted))
            return seen[-1]

        # At the provider and back, at 100 kbit/s and 800 ms.
        url = await page(auth_methods=["way1"])
        first = await does("open", url=url, slow=True, shot="consent-light")
        assert "Acme Desk would be allowed to" in first["text"]
        assert (first["requests"], first["bytes"] < 5_000) == (1, True)
        print(f"first page: {first['bytes']} bytes, {first['milliseconds']} ms at 100 kbit/s and 800 ms")
        await does("press", text="Continue to Example")
        refused = await does("press", text="Refuse", shot="refused-light")
        assert "You did not agree at Example" in refused["text"]
        await does("press", text="Continue to Example")
        done = await does("press", text="Agree", shot="done-light")
        assert "Example is connected" in done["text"]

        # A key, with a script to show it; then what was wrong, in the dark and from right to left.
        url = await page(language="ar", auth_methods=["main"])
        await does("open", url=url, dark=True, width=320)
        await does("type", field="f.key", text="wrong key")
        assert (await phone("press", text="إظهار"))["fields"]["f.key"] == ["text", "wrong key"]
        assert (await phone("press", text="إخفاء"))["fields"]["f.key"][0] == "password"
        await does("open", url=url, dark=True)
        await does("type", field="f.key", text="key-of-somebody-else")
        wrong = await does("press", text="ربط", shot="wrong-dark-rtl")
        assert (wrong["direction"], "key-of-somebody-else" in json.dumps(wrong)) == ("rtl", False)

        # Choosing, in French; without any script; and with one that fails.
        choice = await does("open", url=await page(language="fr"), width=320, shot="choice-fr")
        assert "Comment voulez-vous" in choice["text"]
        for trouble in ({"javascript": False}, {"broken": True}):
            await does("open", url=await page(language="sw"), **trouble)
            await does("press", text="API key", shot=f"key-{next(iter(trouble))}")
            await does("type", field="f.key", text=SECRET)
            done = await does("press", text="Unganisha", shot="done-sw")
            assert "Example imeunganishwa" in done["text"]
            assert [said for said in seen[-1]["complaints"] if "broken on purpose" not in said] == []
            gone = await does("back")
            assert SECRET not in json.dumps(gone)

        for each in seen:
            assert each["barriers"] == [], each["url"]
            assert each["wide"] <= 390
            if "complaints" in each and "broken" not in str(each["complaints"]):
                assert each["complaints"] == []
