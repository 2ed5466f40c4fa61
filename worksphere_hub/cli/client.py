"""The hub's own API, from the command line."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from worksphere_hub.errors import FieldProblem, HubError, InvalidInput

_SECONDS = 30


class NoKey(HubError):
    """The command line does not know which hub and key to use."""

    code = "no_key"


class ApiRefused(HubError):
    """The hub refused the request."""

    code = "api_refused"


class HubAway(HubError):
    """The hub does not answer."""

    code = "hub_away"


def call(method: str, path: str, body: object = None, **query: object) -> Any:
    """One request to the API; answers the decoded JSON, or None when there is none.

    Which hub and with which key: HUB_URL and HUB_API_KEY, else those of the demo in this folder.
    """
    base, key = _whom()
    wanted = {name: str(value) for name, value in query.items() if value is not None}
    url = f"{base}{path}" + (f"?{urllib.parse.urlencode(wanted)}" if wanted else "")
    if not url.startswith(("http://", "https://")):
        raise NoKey(f"HUB_URL must begin with http:// or https://, and {base} does not.")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - likewise
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        raise _refusal(error) from None
    except OSError as error:
        raise HubAway(f"{base} does not answer: {error}. Is it running? `worksphere-hub up` starts one.") from None


def listed(path: str, limit: int, **query: object) -> list[Any]:
    """The first `limit` entries of a list, from as many pages as that takes: one of a search may be short, or empty."""
    rows: list[Any] = []
    cursor = None
    while len(rows) < limit:
        page = call("GET", path, limit=limit - len(rows), cursor=cursor, **query)
        rows += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return rows


def filters(given: list[str] | None, names: tuple[str, ...]) -> dict[str, str]:
    """What `--where name=value` asks for; `names` are the query parameters it may name."""
    found: dict[str, str] = {}
    for text in given or ():
        name, _, value = text.partition("=")
        if name not in names or name in found:
            raise InvalidInput(f"--where {text}: it takes name=value, each name once, of {', '.join(names)}.")
        found[name] = value
    return found


def _whom() -> tuple[str, str]:
    base, key = os.environ.get("HUB_URL"), os.environ.get("HUB_API_KEY")
    if base and key:
        return base.rstrip("/"), key
    file = Path(os.environ.get("HUB_HOME", ".hub")) / "demo.json"
    if file.exists():
        demo = json.loads(file.read_text())
        return base or demo["base_url"], key or demo["api_key"]
    raise NoKey("Set HUB_URL and HUB_API_KEY; `worksphere-hub keys create` makes a key.")


def _refusal(error: urllib.error.HTTPError) -> ApiRefused:
    try:
        problem = json.loads(error.read())
        problems = [FieldProblem(each["field"], each["message"]) for each in problem["errors"]]
        return ApiRefused(f"{problem['title']} {problem['detail']}", problems=problems)
    except (ValueError, KeyError, TypeError):
        return ApiRefused(f"It answered {error.code} {error.reason}.")
