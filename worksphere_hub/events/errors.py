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


class EventTypeNotFound(NotFound):
    """There is no event type with this name."""


class EventTypeExists(Conflict):
    """There is an event type with this name already."""

    code = "event_type_exists"


class TooManyEventTypes(Conflict):
    """The organization has as many event types as it may have."""

    code = "too_many_event_types"


class InvalidEventType(InvalidInput):
    """The event type cannot be accepted as it is."""

    code = "invalid_event_type"


class BreakingChange(Conflict):
    """The new schema breaks consumers of the old one."""

    code = "breaking_change"


class EventContractViolated(InvalidInput):
    """The event does not keep to the contract of its type."""

    code = "event_contract_violated"
