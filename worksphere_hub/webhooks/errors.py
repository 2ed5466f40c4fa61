"""What can go wrong with endpoints and deliveries."""

from worksphere_hub.errors import Conflict, InvalidInput, NotFound


class EndpointNotFound(NotFound):
    """There is no endpoint with this id."""


class DeliveryNotFound(NotFound):
    """There is no delivery with this id."""


class InvalidEndpoint(InvalidInput):
    """The endpoint cannot be accepted as it is."""

    code = "invalid_endpoint"


class EndpointDisabled(Conflict):
    """This endpoint is disabled."""

    code = "endpoint_disabled"


class TooManyEndpoints(Conflict):
    """The organization has as many endpoints as it may have."""

    code = "too_many_endpoints"


class InvalidRetryPolicy(InvalidInput):
    """The retry policy cannot be accepted as it is."""

    code = "invalid_retry_policy"
