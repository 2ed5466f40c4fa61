"""What can go wrong with endpoints and deliveries."""

from typing import Literal

from worksphere_hub.errors import Conflict, InvalidInput, NotFound


class EndpointNotFound(NotFound):
    """There is no endpoint with this id."""


class DeliveryNotFound(NotFound):
    """There is no delivery with this id."""


class ReplayNotFound(NotFound):
    """There is no replay with this id."""


class DeliveryInProgress(Conflict):
    """This delivery is being attempted at this moment. Ask again in a second."""

    code = "delivery_in_progress"


class DeliveryOver(Conflict):
    """There is nothing left to give up."""

    code = "delivery_over"


class NotRetryable(Conflict):
    """This delivery cannot be tried again."""

    code = "not_retryable"


class NothingToSend(Conflict):
    """There is nothing of this event type that could be sent as a test."""

    code = "nothing_to_send"


class ReplayOver(Conflict):
    """This replay is over."""

    code = "replay_over"


class InvalidEndpoint(InvalidInput):
    """The endpoint cannot be accepted as it is."""

    code = "invalid_endpoint"


class EndpointDisabled(Conflict):
    """This endpoint is disabled."""

    code = "endpoint_disabled"


class NotAPullEndpoint(Conflict):
    """This endpoint's messages are not there to be fetched."""

    code = "not_a_pull_endpoint"


class TooManyEndpoints(Conflict):
    """The organization has as many endpoints as it may have."""

    code = "too_many_endpoints"


class ShapeFailed(InvalidInput):
    """The endpoint's filter or transform could not be evaluated on this event."""

    code = "shape_failed"

    def __init__(self, cause: Literal["filter_failed", "transform_failed"], reason: str, what: str) -> None:
        """`cause` names the expression, `reason` is that of ExpressionFailed: `timeout` may pass when tried again."""
        self.cause = cause
        self.reason = reason
        super().__init__(what)


class InvalidRetryPolicy(InvalidInput):
    """The retry policy cannot be accepted as it is."""

    code = "invalid_retry_policy"
