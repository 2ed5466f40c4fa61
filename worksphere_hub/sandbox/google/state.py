"""What Google Drive holds: people, files, shared drives, and the feed of their changes."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from worksphere_hub.sandbox.clock import SandboxClock, iso
from worksphere_hub.sandbox.identity import Identities
from worksphere_hub.sandbox.seeds import moment
from worksphere_hub.sandbox.wire import Json

FOLDER = "application/vnd.google-apps.folder"
OWN = "application/vnd.google-apps."
_RANKS = {"reader": 1, "commenter": 2, "writer": 3, "fileOrganizer": 4, "organizer": 5, "owner": 6}


@dataclass(slots=True)
class File:
    """A file: its metadata as Google names it, its bytes, and by which app it was made."""

    view: Json
    content: bytes = b""
    app: str = ""
    permissions: dict[str, Json] = field(default_factory=dict[str, Json])

    @property
    def id(self) -> str:
        """Its id."""
        return self.view["id"]

    @property
    def parents(self) -> list[str]:
        """Where it is: one folder, or nothing that anybody shares."""
        found: list[str] = self.view.get("parents") or []
        return found

    @property
    def drive(self) -> str | None:
        """The shared drive it is in."""
        return self.view.get("driveId")


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the feed, with who could see the file before it."""

    number: int
    time: str
    file: str
    drive: str | None
    removed: bool
    watchers: frozenset[str]
    what: tuple[str, ...]


@dataclass(slots=True)
class State:
    """Everything."""

    clock: SandboxClock
    identities: Identities
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    drives: dict[str, Json] = field(default_factory=dict[str, Json])
    files: dict[str, File] = field(default_factory=dict[str, File])
    changes: list[Change] = field(default_factory=list[Change])

    def user(self, email: str) -> Json | None:
        """The account of an address."""
        return next((one for one in self.users.values() if one["email"] == email), None)

    def root(self, user: str) -> str:
        """The id of somebody's My Drive."""
        return f"0ARoot{user}"

    def rank(self, file: File, user: str) -> int:
        """How much somebody may do: 0 nothing, 1 read, 2 comment, 3 write, 4 and 5 organize, 6 own."""
        best = 0
        seen: File | None = file
        while seen is not None:
            for one in seen.permissions.values():
                if one["id"] == user or one["type"] == "anyone":
                    best = max(best, _RANKS[one["role"]])
            seen = self.files.get(seen.parents[0]) if seen.parents else None
        if file.drive is not None:
            best = max(best, _RANKS.get(self.drives[file.drive]["_members"].get(user, ""), 0))
        return best

    def watchers(self, file: File) -> frozenset[str]:
        """Who can see a file."""
        return frozenset(user for user in self.users if self.rank(file, user))

    def add(self, view: Json, owner: str, content: bytes = b"", app: str = "", at: datetime | None = None) -> File:
        """A new file of somebody's, or of a shared drive."""
        now = iso(at or self.clock.now())
        person = self.person(owner)
        identity = view.get("id") or f"1{self.identities.text('file', 32)}"
        full: Json = {
            "kind": "drive#file", "name": "Untitled", "mimeType": "application/octet-stream",
            "parents": [self.root(owner)], "createdTime": now, "modifiedTime": now, "trashed": False,
            "explicitlyTrashed": False, "starred": False, "version": "1", "spaces": ["drive"], "shared": False,
            "viewedByMe": False, "lastModifyingUser": person, "capabilities": {"canEdit": True, "canDownload": True},
            "webViewLink": f"https://drive.google.com/file/d/{identity}/view", **view, "id": identity,
        }  # fmt: skip
        drive = full.get("driveId")
        file = File(full, app=app)
        if drive is None:
            full |= {"owners": [person], "ownedByMe": True}
            file.permissions[owner] = {**self._permission(owner), "role": "owner"}
        self.files[identity] = file
        self.fill(file, content)
        return file

    def fill(self, file: File, content: bytes) -> None:
        """Give a file its bytes. Google's own documents and folders have no size and no digests."""
        file.content = content
        if file.view["mimeType"].startswith(OWN):
            return
        file.view |= {
            "size": str(len(content)), "quotaBytesUsed": str(len(content)),
            "md5Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "sha1Checksum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            "sha256Checksum": hashlib.sha256(content).hexdigest(), "originalFilename": file.view["name"],
            "headRevisionId": self.identities.text("revision", 30),
        }  # fmt: skip

    def touched(self, file: File, *what: str, removed: bool = False, before: frozenset[str] = frozenset()) -> Change:
        """Enter a change into the feed. `what` are the words of X-Goog-Changed, or add, remove, trash, untrash."""
        now = iso(self.clock.now())
        file.view["version"] = str(int(file.view["version"]) + 1)
        who = before if removed else before | self.watchers(file)
        change = Change(len(self.changes) + 1, now, file.id, file.drive, removed, who, what)
        self.changes.append(change)
        return change

    def person(self, user: str) -> Json:
        """Somebody as files name them."""
        found = self.users[user]
        return {
            "kind": "drive#user", "displayName": found["name"], "emailAddress": found["email"], "permissionId": user,
            "me": False,
        }  # fmt: skip

    def share(self, file: File, wanted: Json) -> Json:
        """Give somebody a permission."""
        found = self.user(str(wanted.get("emailAddress", "")))
        kind = wanted["type"]
        identity = (
            found["id"] if found else "anyoneWithLink" if kind == "anyone" else self.identities.text("permission", 20)
        )
        permission: Json = {
            "kind": "drive#permission",
            "id": identity,
            "type": kind,
            "role": wanted["role"],
            "deleted": False,
        }
        if found:
            permission |= {**self._permission(identity), "role": wanted["role"]}
        elif wanted.get("emailAddress"):
            permission["emailAddress"] = wanted["emailAddress"]
        file.permissions[identity] = permission
        file.view["shared"] = len(file.permissions) > 1
        return permission

    def _permission(self, user: str) -> Json:
        found = self.users[user]
        return {
            "kind": "drive#permission", "id": user, "type": "user", "emailAddress": found["email"],
            "displayName": found["name"], "deleted": False, "pendingOwner": False,
        }  # fmt: skip


def load(seed: Json, clock: SandboxClock, identities: Identities) -> State:
    """What a seed says."""
    state, start = State(clock, identities), clock.now()
    for user in seed.get("users", []):
        state.users[user["id"]] = dict(user)
    for wanted in seed.get("drives", []):
        members = {user["id"]: role for email, role in wanted["members"].items() if (user := state.user(email))}
        created = iso(moment(wanted.get("at"), start))
        drive = {
            "kind": "drive#drive",
            "id": wanted["id"],
            "name": wanted["name"],
            "createdTime": created,
            "hidden": False,
        }
        state.drives[wanted["id"]] = {**drive, "_members": members}
    for wanted in seed.get("files", []):
        _file(state, wanted, moment(wanted.get("at"), start))
    return state


def _file(state: State, wanted: Json, at: datetime) -> None:
    owner = state.user(wanted["owner"])
    assert owner is not None, f"{wanted['owner']} is nobody of the seed"
    view: Json = {"id": wanted["id"], "name": wanted["name"]}
    view["mimeType"] = FOLDER if wanted.get("folder") else wanted.get("mime", "application/octet-stream")
    if "drive" in wanted:
        view |= {"driveId": wanted["drive"], "parents": [wanted.get("parent", wanted["drive"])]}
    elif "parent" in wanted:
        view["parents"] = [wanted["parent"]]
    file = state.add(view, owner["id"], wanted.get("content", "").encode(), at=at)
    for email, role in wanted.get("share", {}).items():
        state.share(file, {"type": "user", "emailAddress": email, "role": role})
