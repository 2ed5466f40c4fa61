"""PURE: why an endpoint did, or did not, get an event, in a sentence."""

_VERDICTS = {
    "event_type": "The endpoint's event types do not include this one.",
    "channel": "None of the event's channels is one of the endpoint's.",
    "disabled": "The endpoint was disabled when the event was accepted. A replay can still send it.",
    "not_targeted": "The event was meant for another endpoint alone.",
}
_STATES = {
    "pending": "It is due, or waits for its next attempt.",
    "queued": "Another delivery of the same order is before it.",
    "available": "It waits for the receiver to fetch and acknowledge it.",
    "held": "The endpoint is disabled. Enabling it sends this.",
    "blocked": "It ran out of retries and holds up those behind it. Retry or skip it.",
    "parked": "It ran out of retries and was put aside. Retry or skip it.",
    "delivered": "It was delivered.",
    "exhausted": "It was given up.",
    "cancelled": "It was called off.",
    "filtered": "The endpoint's filter did not want it.",
}
_REASONS = {
    "attempts": "Every attempt of the endpoint's retry policy failed.",
    "deadline": "Its deadline passed before an attempt succeeded.",
    "aborted": "Its receiver asked for it not to be sent again.",
    "expunged": "Its message was removed before it was delivered.",
    "contract": "The event breaks the contract of its type.",
    "endpoint_deleted": "The endpoint was deleted first.",
    "by_request": "Somebody gave it up.",
}
_GATES = {
    "circuit_open": "The endpoint has failed many times in a row: it is left alone for a while, then tried once.",
    "slowed_down": "The receiver asked to be left alone for a while.",
    "rate_limited": "The endpoint's rate limit spreads deliveries out.",
}


def explain(verdict: str, state: str | None, reason: str | None, gate: str | None) -> str:
    """The verdict of the fan-out, then how the delivery stands; `gate` is what holds the endpoint back now."""
    if verdict in _VERDICTS:
        return _VERDICTS[verdict]
    if state is None:
        return "Its record is past the retention of this organization."
    said = [_STATES[state]] if verdict == "matched" else ["Somebody replayed it to this endpoint.", _STATES[state]]
    if reason is not None:
        said.append(_REASONS[reason])
    if state == "pending" and gate is not None:
        said.append(_GATES[gate])
    return " ".join(said)
