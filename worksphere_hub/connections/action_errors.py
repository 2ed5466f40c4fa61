"""What can go wrong with an action or a stream: a connector's failures as the API tells them."""

from worksphere_hub.errors import Conflict, HubError, InvalidInput, NotFound
from worksphere_hub.sdk import errors as sdk


class ActionNotFound(NotFound):
    """The connection's integration has no action of this name."""

    code = "no_such_action"


class StreamNotFound(NotFound):
    """The connection's account has no stream of this name."""

    code = "no_such_stream"


class InvalidActionInput(InvalidInput):
    """The input is not what the action asks for."""

    code = "invalid_action_input"


class AnswerTooLarge(HubError):
    """What the provider gave is too large to pass on in one piece."""

    code = "provider_answer_too_large"
    status = 502


class ProviderSlow(HubError):
    """The provider took too long. Whether it did what was asked is not known."""

    code = "provider_slow"
    status = 504


class ProviderFailed(HubError):
    """The provider did not do what was asked."""

    code = "provider_failed"
    status = 502


class ProviderRejected(InvalidInput):
    """The provider refuses this for what is in it."""

    code = "provider_rejected"


class ProviderMissing(InvalidInput):
    """The provider has nothing under a name or id that was given."""

    code = "provider_missing"


class ProviderConflict(Conflict):
    """At the provider it was changed by somebody else in the meantime."""

    code = "provider_conflict"


class ProviderAuthFailed(Conflict):
    """The provider does not take the connection's credential for this."""

    code = "provider_auth_failed"


class ProviderNotPermitted(HubError):
    """The account may not do this at the provider: a scope or a right is missing."""

    code = "provider_not_permitted"
    status = 403


class ProviderRateLimited(HubError):
    """The provider has had enough calls for now."""

    code = "provider_rate_limited"
    status = 429


class ProviderTransient(HubError):
    """The provider could not answer just now."""

    code = "provider_transient"
    status = 502


class ProviderUnexpected(HubError):
    """The provider's answer is not what its documents say."""

    code = "provider_unexpected"
    status = 502


_KINDS: dict[type[sdk.ConnectorFailed], type[HubError]] = {
    sdk.AuthFailed: ProviderAuthFailed,
    sdk.NotPermitted: ProviderNotPermitted,
    sdk.RateLimited: ProviderRateLimited,
    sdk.Transient: ProviderTransient,
    sdk.Missing: ProviderMissing,
    sdk.Conflict: ProviderConflict,
    sdk.Rejected: ProviderRejected,
    sdk.BadSettings: ProviderRejected,
    sdk.Unexpected: ProviderUnexpected,
}


def told(failure: sdk.ConnectorFailed) -> HubError:
    """PURE: a connector's failure as the API tells it; what the hub itself refused keeps its own name."""
    if isinstance(failure.__cause__, HubError):
        return failure.__cause__
    kind = _KINDS.get(type(failure), ProviderFailed)
    return kind(failure.detail, retry_after=failure.after)
