"""What can be wrong with an event."""

from worksphere_hub.errors import Conflict, HubError, InvalidInput, NotFound, Unavailable


class EventNotFound(NotFound):
    """There is no event with this id."""


class InvalidEvent(InvalidInput):
    """The event cannot be accepted as it is."""

    code = "invalid_event"


class EventIdReused(InvalidInput):
    """Another event was accepted under this id."""

    code = "event_id_reused"


class OrganizationClosed(Conflict):
    """This organization takes no events: it is suspended."""

    code = "organization_suspended"


class TooManyWaiting(Unavailable):
    """More events are waiting to be stored than this process holds; nothing was stored."""

    code = "overloaded"


class EventTooLarge(HubError):
    """The event is larger than the limit."""

    code = "event_too_large"
    status = 413
