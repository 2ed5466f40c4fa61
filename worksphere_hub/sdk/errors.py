"""What may go wrong at a provider, by who has to act. A connector raises nothing else."""

from typing import Literal

Owner = Literal["user", "admin", "provider", "hub"]


class ConnectorFailed(Exception):
    """A call that did not do what it was for.

    `owner` says who has to act: the account's owner, the organization's admin, the provider, or the hub's own
    developers. `code` is a stable word, `status` the provider's HTTP status where there was one. No payload and no
    credential is in the text.
    """

    code = "failed"
    owner: Owner = "hub"
    again = False

    def __init__(self, detail: str, *, status: int | None = None, after: float | None = None) -> None:
        """`after` is for how many seconds the provider asked to be left alone."""
        self.detail = detail
        self.status = status
        self.after = after
        super().__init__(detail)


class AuthFailed(ConnectorFailed):
    """The credential is not taken (any more): the account's owner has to authorize anew."""

    code, owner = "auth_failed", "user"


class NotPermitted(ConnectorFailed):
    """The credential is taken and may not do this: a scope or a right of the account is missing."""

    code, owner = "not_permitted", "admin"


class RateLimited(ConnectorFailed):
    """The provider has had enough for now."""

    code, owner, again = "rate_limited", "provider", True


class Transient(ConnectorFailed):
    """The provider could not answer just now. Whether it did what was asked is known only where `sent` is False."""

    code, owner, again = "transient", "provider", True

    def __init__(
        self, detail: str, *, status: int | None = None, after: float | None = None, sent: bool = True
    ) -> None:
        """`sent` says whether the provider may have seen the request."""
        super().__init__(detail, status=status, after=after)
        self.sent = sent


class Missing(ConnectorFailed):
    """What was asked for is not there."""

    code, owner = "missing", "user"


class Conflict(ConnectorFailed):
    """It has been changed by somebody else since it was read."""

    code, owner = "conflict", "user"


class Rejected(ConnectorFailed):
    """The provider refuses the request for what is in it."""

    code, owner = "rejected", "user"


class BadSettings(ConnectorFailed):
    """The instance's settings, or an action's input, do not fit."""

    code, owner = "bad_settings", "admin"


class StateExpired(ConnectorFailed):
    """The provider no longer knows where the last read stopped: the stream has to be read from its beginning."""

    code, owner = "state_expired", "hub"


class Unexpected(ConnectorFailed):
    """The answer is not what the provider's documents say: the connector has to learn it."""

    code, owner = "unexpected", "hub"
