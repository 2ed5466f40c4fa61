"""How the inbound side works; the defaults stand beside the code that obeys them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """How the inbound side works. Times are in seconds."""

    public_url: str = ""  # where providers reach the hub, e.g. https://hub.example.com; unset: as each request says
    answer_within: float = 2.5  # a provider is answered within this, if need be with 503: most give up after 3 to 10
    freshness: float = 1.0  # how long a change of a source may go unseen at its address
    source_limit: int = 1_000  # sources an organization may have
    seen_days: int = 30  # days that a provider's event id is remembered, so that it is stored once
    tries: int = 8  # attempts to process a message before it is parked as failed
    retry_wait: float = 2.0  # before the second attempt; doubled before each further one
    retry_wait_limit: float = 600.0  # and at most this
    lease: float = 30.0  # how long a worker that died keeps what it had in hand
    subscription_poll: float = 1.0  # how long an idle worker waits before it looks for subscriptions that are due
    subscription_lease: float = 120.0  # how long a worker that died keeps those that it had in hand
    pull_poll: float = 1.0  # how long a queue that was emptied is left alone, and the first wait after a failure
    pull_wait: int = 10  # how long a queue is asked to wait for a message to come
    pull_lease: float = 60.0  # how long a worker that died keeps others from a queue
    idle_poll: float = 0.5  # how long an idle worker waits for the doorbell before it looks by itself
