"""How the delivery engine works; the defaults stand beside the code that obeys them."""

from dataclasses import dataclass

# Standard Webhooks' example: with the first attempt ten in all, over about three days.
STANDARD_SCHEDULE = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """How the delivery engine works. Times are in seconds."""

    schedule: tuple[float, ...] = STANDARD_SCHEDULE  # waits between attempts for endpoints without a retry policy
    jitter: float = 0.2  # each wait is lengthened by up to this share, so that retries do not come in step
    lease: float = 15.0  # how long a worker that died keeps what it had in hand
    connect_timeout: float = 5.0  # until a connection to the receiver stands
    attempt_timeout: float = 15.0  # one attempt in all, the response's body included
    in_flight: int = 512  # deliveries that a worker has in hand at most, half of them of one organization
    endpoint_concurrency: int = 64  # requests under way to one endpoint at most
    breaker_failures: int = 20  # failures in a row after which an endpoint is left alone
    breaker_pause: float = 30.0  # for how long at first; twice as long each time the next attempt fails
    breaker_longest_pause: float = 600.0  # but no longer than this
    disable_after: float = 432_000.0  # an endpoint that has failed for so long without one success is disabled
    idle_poll: float = 0.25  # how long an idle worker waits for the doorbell before it looks by itself
    claim_pause: float = 0.004  # between claims under load: fewer, fuller claims
    record_batch: int = 200  # attempts recorded in one transaction at most
    record_pause: float = 0.01  # between these transactions, unless they are full
    drain: float = 20.0  # how long a stopping worker lets running attempts finish
    response_limit: int = 65_536  # bytes of a response's body that are kept
    payload_days: int = 30  # messages and the bodies of answers are kept, unless an organization decides otherwise
    attempt_days: int = 90  # events, deliveries and attempts are kept likewise
    endpoint_limit: int = 1_000  # endpoints an organization may have
