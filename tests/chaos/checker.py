"""PURE: compare what publishers were told, what receivers saw and what the database holds, and name every difference.

Three independent records of the same events. A campaign passes when no fault is found; each kind of fault is planted by
`test_checker.py`, and the control runs of the campaigns plant the real thing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

FAULTS = {
    "lost": "accepted, but not stored, or never arrived at an endpoint of its organization",
    "phantom": "arrived or stored, though nobody sent it",
    "wrong tenant": "arrived at, or is stored for, another organization",
    "changed body": "arrived or stored with other data than was sent",
    "bad signature": "arrived with a signature that does not fit",
    "unmarked duplicate": "arrived again, and neither a failed attempt nor a lost worker is on record for it",
    "too many duplicates": "more deliveries arrived again after a lost worker than were in flight",
    "unaccounted": "stored, but without a delivery to an endpoint of its organization",
    "stuck": "its delivery has not ended",
    "regressed": "its delivery has another state than its attempts gave it, or was delivered twice on record",
    "wrong answer": "the publisher was answered neither 202 nor 503 with Retry-After",
}

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that a receiver saw: at which endpoint (organization, path), which event, its data as JSON."""

    org: str
    path: str
    event: str
    data: str
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt on record."""

    outcome: str
    reclaimed: bool = False
    fenced: bool = False


@dataclass(slots=True)
class Delivery:
    """One delivery as the database has it, with its attempts."""

    state: str
    attempts: list[Tried] = field(default_factory=list)


@dataclass(slots=True)
class Told:
    """What the publishers know, by organization and event: data sent, and which were answered 202, in that order."""

    sent: dict[Key, str] = field(default_factory=dict)
    accepted: dict[Key, None] = field(default_factory=dict)
    wrong_answers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Stored:
    """What the database holds: data by (organization, event); deliveries by (organization, event, path)."""

    events: dict[Key, str] = field(default_factory=dict)
    deliveries: dict[tuple[str, str, str], Delivery] = field(default_factory=dict)


@dataclass(slots=True)
class Verdict:
    """What the comparison found. `faults` has the culprits by kind; the rest are counts for the report."""

    faults: dict[str, list[str]]
    accepted: int
    unknown: int
    arrivals: int
    doubled: int
    reclaimed: int
    places: Counter[str]

    @property
    def fine(self) -> bool:
        """Whether no promise was broken."""
        return not self.faults

    def __str__(self) -> str:
        shown = {kind: [*culprits[:5], f"{len(culprits)} in all"] for kind, culprits in self.faults.items()}
        return f"{self.accepted} accepted, {self.doubled} doubled, faults: {shown}, places: {dict(self.places)}"


def judge(
    endpoints: Mapping[str, AbstractSet[str]],
    told: Told,
    arrivals: Sequence[Arrival],
    stored: Stored,
    *,
    in_flight: int | None = None,
) -> Verdict:
    """Compare the records of a campaign that has come to rest.

    `endpoints` are the paths of each organization; `in_flight` is how many deliveries workers held when they were
    killed, None when that was not counted.
    """
    faults: dict[str, list[str]] = defaultdict(list)
    seen: Counter[tuple[str, str, str]] = Counter()
    for arrival in arrivals:
        _check_arrival(arrival, told, faults)
        seen[arrival.org, arrival.event, arrival.path] += 1
    _check_stored(told, stored, faults)
    lost: list[int] = []
    for place, (org, event) in enumerate(told.accepted):
        if (org, event) not in stored.events:
            faults["lost"].append(f"{org} {event}: not stored")
            lost.append(place)
            continue
        missing = [path for path in endpoints[org] if not seen[org, event, path]]
        if missing:
            faults["lost"].append(f"{org} {event}: never arrived at {missing}")
            lost.append(place)
    for org, event in stored.events:
        for path in endpoints.get(org, ()):
            _check_delivery(f"{org} {event} {path}", stored.deliveries.get((org, event, path)), faults)
    after_loss = _check_duplicates(seen, stored, faults)
    if in_flight is not None and len(after_loss) > in_flight:
        faults["too many duplicates"].append(f"{len(after_loss)} arrived again, {in_flight} were in flight")
    if told.wrong_answers:
        faults["wrong answer"] = told.wrong_answers
    return Verdict(
        faults=dict(faults),
        accepted=len(told.accepted),
        unknown=len(told.sent.keys() - told.accepted.keys()),
        arrivals=len(arrivals),
        doubled=sum(count > 1 for count in seen.values()),
        reclaimed=len(after_loss),
        places=_places(lost, len(told.accepted)),
    )


def _check_arrival(arrival: Arrival, told: Told, faults: dict[str, list[str]]) -> None:
    name = f"{arrival.event} at {arrival.path}"
    if not arrival.signed:
        faults["bad signature"].append(name)
    sent = told.sent.get((arrival.org, arrival.event))
    if sent is not None:
        if sent != arrival.data:
            faults["changed body"].append(name)
    elif any(event == arrival.event for _, event in told.sent):
        faults["wrong tenant"].append(name)
    else:
        faults["phantom"].append(name)


def _check_stored(told: Told, stored: Stored, faults: dict[str, list[str]]) -> None:
    for (org, event), data in stored.events.items():
        sent = told.sent.get((org, event))
        if sent is None:
            foreign = any(event == other for _, other in told.sent)
            faults["wrong tenant" if foreign else "phantom"].append(f"{org} {event}: stored")
        elif sent != data:
            faults["changed body"].append(f"{org} {event}: stored")


def _check_delivery(name: str, delivery: Delivery | None, faults: dict[str, list[str]]) -> None:
    if delivery is None:
        faults["unaccounted"].append(name)
        return
    if delivery.state in {"pending", "held"}:
        faults["stuck"].append(f"{name}: {delivery.state}")
        return
    settled = sum(tried.outcome == "delivered" and not tried.fenced for tried in delivery.attempts)
    if (settled, delivery.state) != (1, "delivered"):
        faults["regressed"].append(f"{name}: {delivery.state} with {settled} attempts that delivered it")


def _check_duplicates(
    seen: Counter[tuple[str, str, str]], stored: Stored, faults: dict[str, list[str]]
) -> set[tuple[str, str, str]]:
    """Answers those that arrived again because a worker was lost with them in hand."""
    after_loss: set[tuple[str, str, str]] = set()
    for place, count in seen.items():
        if count == 1:
            continue
        delivery = stored.deliveries.get(place)
        tries = delivery.attempts if delivery else []
        # Each recorded attempt that did not deliver may have reached the receiver all the same: its answer was lost.
        failed = sum(tried.outcome != "delivered" for tried in tries)
        if any(tried.reclaimed for tried in tries):
            after_loss.add(place)
        elif count - 1 > failed:
            faults["unmarked duplicate"].append(f"{' '.join(place)}: {count} times")
    return after_loss


def _places(lost: list[int], accepted: int) -> Counter[str]:
    """Where in the order of acceptance the losses lie: at the end is what a crash takes, in the middle is a hole."""
    found: Counter[str] = Counter()
    gone = set(lost)
    tail = accepted
    while tail - 1 in gone:
        tail -= 1
    head = 0
    while head in gone and head < tail:
        head += 1
    for place in lost:
        found["end" if place >= tail else "start" if place < head else "middle"] += 1
    return found
