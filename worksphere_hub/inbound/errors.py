"""What can go wrong with inbound sources, their messages, and requests at their addresses."""

from worksphere_hub.errors import Conflict, FieldProblem, HubError, InvalidInput, NotFound, Unavailable


class SourceNotFound(NotFound):
    """There is no inbound source with this id."""


class MessageNotFound(NotFound):
    """There is no inbound message with this id."""


class InvalidSource(InvalidInput):
    """The inbound source cannot be accepted as it is."""

    code = "invalid_inbound_source"


def invalid_source(field: str, message: str) -> InvalidSource:
    """The failure that one field is the cause of."""
    return InvalidSource(f"{field} {message}.", problems=[FieldProblem(field, message)])


class TooManySources(Conflict):
    """The organization has as many inbound sources as it may have."""

    code = "too_many_inbound_sources"


class SubscriptionNotFound(NotFound):
    """There is no subscription with this id."""


class SubscriptionExists(Conflict):
    """The connection is subscribed to this already."""

    code = "subscription_exists"


class NothingToSubscribe(Conflict):
    """The integration has no subscriptions: its provider is set up there, to send to an inbound source."""

    code = "nothing_to_subscribe"


class MessageBusy(Conflict):
    """This message is waiting or being processed already."""

    code = "inbound_message_busy"


class MessageNotForReplay(Conflict):
    """This message has no event of its own: it was a challenge, or was passed on."""

    code = "inbound_message_handshake"


class NoSuchAddress(NotFound):
    """Nothing is received at this address."""

    code = "no_such_inbound_address"


class SourceDisabled(HubError):
    """What is received at this address is switched off."""

    code = "inbound_source_disabled"
    status = 403


class NotVerified(HubError):
    """The request does not prove that it is the provider's."""

    # One code whatever was wrong: a forger is not told which check came next. The source's owner sees the reason.
    code = "inbound_not_verified"
    status = 401


class NotStoredInTime(Unavailable):
    """The request could not be stored in time; send it again."""

    code = "inbound_not_stored_in_time"
