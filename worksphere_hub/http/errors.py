"""Everything the HTTP door itself refuses, one class a failure."""

from worksphere_hub.errors import HubError


class NoSuchRoute(HubError):
    """There is no route at this path."""

    code = "no_such_route"
    status = 404


class MethodNotAllowed(HubError):
    """This route exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


class MalformedJson(HubError):
    """The body is not the JSON it says it is."""

    code = "malformed_json"
    status = 400


class TooDeep(HubError):
    """The JSON is nested deeper than the hub reads."""

    code = "json_too_deep"
    status = 400


class UnsupportedMediaType(HubError):
    """The body is of a type this route does not read."""

    code = "unsupported_media_type"
    status = 415


class BodyTooLarge(HubError):
    """The body is larger than this route takes."""

    code = "body_too_large"
    status = 413

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The body may hold at most {limit} bytes. Send less, or split it.")


class HeadersTooLarge(HubError):
    """The request's headers are larger than the hub reads."""

    code = "headers_too_large"
    status = 431


class RequestTooSlow(HubError):
    """The request did not arrive in time."""

    code = "request_too_slow"
    status = 408


class MalformedHttp(HubError):
    """This is not a request in HTTP/1.1."""

    code = "malformed_http"
    status = 400


class ClientGone(HubError):
    """The client left before its request had arrived."""

    # 499 never reaches anybody (there is nobody left); it is what logs and metrics count it under.
    code = "client_gone"
    status = 499


class RateLimited(HubError):
    """Too many requests with this key."""

    code = "rate_limited"
    status = 429


class RequestInProgress(HubError):
    """The first request with this Idempotency-Key is still being worked on."""

    code = "request_in_progress"
    status = 409


class IdempotencyKeyReused(HubError):
    """This Idempotency-Key was used for a different request."""

    code = "idempotency_key_reused"
    status = 422
