"""What can go wrong with connections, their credentials, and the calls that are made with them."""

from worksphere_hub.errors import Conflict, HubError, InvalidInput, NotFound, Unavailable


class ConnectionNotFound(NotFound):
    """There is no connection with this id."""


class ClientNotFound(NotFound):
    """There is no OAuth client with this id."""


class CheckNotFound(NotFound):
    """There is no connection check with this id."""


class InvalidConnection(InvalidInput):
    """The connection cannot be accepted as it is."""

    code = "invalid_connection"


class InvalidCredential(InvalidInput):
    """What was entered is not what this way of authorizing asks for."""

    code = "invalid_credential"


class CredentialUnusable(InvalidInput):
    """The credential cannot be put into a request."""

    code = "credential_unusable"


class TooManyConnections(Conflict):
    """The organization has as many connections as it may have."""

    code = "too_many_connections"


class WrongGrant(Conflict):
    """This connection is not authorized in this way."""

    code = "wrong_grant"


class ClientMissing(Conflict):
    """There is no OAuth client for this integration yet."""

    code = "oauth_client_missing"


class ClientExists(Conflict):
    """There is an OAuth client for this already."""

    code = "oauth_client_exists"


class NotConnected(Conflict):
    """The connection has no credential to call with."""

    code = "not_connected"


class NeedsReauthorization(Conflict):
    """The provider does not take this credential any more: a person has to authorize the connection again."""

    code = "needs_reauthorization"


class ConnectionDisabled(HubError):
    """The connection, or its instance, is switched off."""

    code = "connection_disabled"
    status = 403


class HostNotAllowed(InvalidInput):
    """The integration's manifest does not name this host, so no credential is sent there."""

    code = "host_not_allowed"


class FlowRefused(HubError):
    """This authorization is not under way: it was never begun, is over, or belongs to another browser."""

    # One answer for every cause: whoever tries foreign states is not told how near he came.
    code = "oauth_flow_refused"
    status = 400


class WrongIssuer(HubError):
    """The answer does not come from the provider that was asked."""

    code = "oauth_wrong_issuer"
    status = 400


class LinkRefused(NotFound):
    """There is nothing to authorize at this link: it has expired, or was used."""

    code = "no_such_authorization_link"


class ConnectSessionNotFound(NotFound):
    """There is no connect session with this id."""


class PageGone(NotFound):
    """There is nothing to connect at this address: it has expired, was taken back, or is not whole."""

    # One answer for every cause: whoever tries foreign addresses is not told how near he came.
    code = "no_such_connect_page"


class OtherBrowser(HubError):
    """The connect page was opened in another browser, which alone may go on."""

    code = "connect_other_browser"
    status = 403


class NotFromPage(HubError):
    """What was sent does not come from the connect page itself, or its cookie did not come along."""

    code = "connect_not_from_page"
    status = 403


class StepBusy(Conflict):
    """What was sent from the connect page before is still being worked on."""

    code = "connect_busy"


class InsecureOrigin(HubError):
    """An account can be authorized over https only."""

    code = "insecure_origin"
    status = 400


class ProviderRefused(HubError):
    """The provider refused to give a token."""

    code = "provider_refused"
    status = 502


class ProviderUnavailable(Unavailable):
    """The provider did not answer, or answered with a fault of its own."""

    code = "provider_unavailable"
    status = 502


class NotSent(ProviderUnavailable):
    """The provider could not be reached: nothing was sent."""


class RenewalBusy(Unavailable):
    """The credential is being renewed, which takes longer than expected."""

    code = "renewal_busy"


class BudgetSpent(HubError):
    """The account's rate budget at the provider is spent."""

    code = "rate_budget_spent"
    status = 429


class RevealDisabled(HubError):
    """Credentials are not shown on this hub."""

    code = "reveal_disabled"
    status = 403


class NoApi(Conflict):
    """The integration's manifest names no API to call."""

    code = "no_api"
