"""PURE: what is to go wrong, where, and how often."""

from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from worksphere_hub.sandbox.errors import WrongFault

# What each kind does, as a person is told.
KINDS = {
    "rate_limit": "Answers that the limit is used up, in the vendor's spelling; the work is not done",
    "error": "Answers with `status` (500 unless said) in the vendor's shape; the work is not done",
    "timeout": "Does the work and never answers; with `before` it is not done either",
    "truncate": "Does the work, sends half of the answer, and hangs up",
    "slow": "Does the work and sends the answer in pieces, `seconds` apart",
    "duplicate": "Gives the last answer to the same method and path once more; the work is not done",
    "expired_token": "Answers as if the access token had expired; the work is not done",
    "disconnect": "Does the work and hangs up without an answer; with `before` it is not done either",
}


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong for requests that match, after the first `skip`, `times` times (None: always)."""

    kind: str
    provider: str = "*"
    path: str = "*"
    method: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int = 500
    retry_after: float | None = None
    seconds: float = 0.1
    before: bool = False
    id: str = ""
    used: int = 0

    def matches(self, provider: str, method: str, path: str) -> bool:
        """Whether it is about this request."""
        return (
            self.provider in {"*", provider} and self.method.upper() in {"*", method} and fnmatchcase(path, self.path)
        )

    def view(self) -> dict[str, Any]:
        """As the control API shows it."""
        return asdict(self)


class Faults:
    """The faults that are set, in the order they were set."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._made = 0

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Set one. Raises WrongFault, which says what is not known."""
        known = {field.name for field in fields(Fault)} - {"id", "used"}
        if unknown := sorted(wanted.keys() - known):
            raise WrongFault(f"A fault has no {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
        if wanted.get("kind") not in KINDS:
            raise WrongFault(f"kind must be one of {', '.join(KINDS)}.")
        self._made += 1
        fault = Fault(**wanted)
        fault.id = f"fault_{self._made}"
        self._set.append(fault)
        return fault

    def take(self, provider: str, method: str, path: str) -> Fault | None:
        """The fault that this request meets, counted; the first one set goes first."""
        for fault in self._set:
            if not fault.matches(provider, method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is None or fault.used < fault.times:
                fault.used += 1
                return fault
        return None

    def list(self) -> list[Fault]:
        """All of them, the used-up ones too."""
        return list(self._set)

    def remove(self, identity: str) -> bool:
        """Take one out; whether it was there."""
        kept = [fault for fault in self._set if fault.id != identity]
        gone = len(kept) < len(self._set)
        self._set = kept
        return gone

    def clear(self) -> None:
        """Take all of them out."""
        self._set.clear()
