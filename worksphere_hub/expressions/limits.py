"""How long an expression may be, how long it may take and how large its values may become."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpressionLimits:
    """The bounds of one expression. The defaults fit a message of up to 1 MiB."""

    # Milliseconds. It holds up whoever waits, so it is short; `steps` ends ordinary loops well before it, at the
    # same point on every machine, and the clock is there for the few single steps that are slow.
    timeout: int = 50
    # Some 25 ms of work on a slow machine.
    steps: int = 500_000
    # Characters of source.
    source: int = 10_000
    # Levels of evaluation within each other; a function that calls itself uses three for each call.
    depth: int = 300
    # Bytes of one string, and bytes of the whole result as JSON.
    string: int = 1 << 20
    result: int = 1 << 20
    # Items of one array, and the width of one range [a..b]. Wildcards over wildcards look at the clock only once for
    # each such array: ten times more would let them take ten times the timeout and memory.
    array: int = 10_000
    # Items `$distinct` takes: it compares each with each, and cannot be interrupted.
    distinct: int = 2_000

    def __post_init__(self) -> None:
        if not 1 <= self.timeout <= 1_000:
            raise ValueError("an expression's timeout is 1 to 1000 milliseconds")
        sizes = (self.steps, self.source, self.depth, self.string, self.result, self.array, self.distinct)
        if min(sizes) < 1:
            raise ValueError("an expression's limits are positive")
        # Deeper, the library's own stack would be the limit.
        if self.depth > 500:
            raise ValueError("an expression's depth is at most 500")


DEFAULT_LIMITS = ExpressionLimits()
