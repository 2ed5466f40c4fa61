"""What can go wrong in the catalogue, one class a failure."""

from worksphere_hub.errors import Conflict, HubError, InvalidInput, NotFound


class IntegrationNotFound(NotFound):
    """There is no integration with this id."""


class ListingNotFound(NotFound):
    """There is no listing with this slug."""


class InstanceNotFound(NotFound):
    """There is no instance with this id."""


class ReviewNotFound(NotFound):
    """There is no review with this id."""


class InvalidManifest(InvalidInput):
    """The manifest cannot be accepted as it is."""

    code = "invalid_manifest"


class InvalidSettings(InvalidInput):
    """The settings do not keep to what the integration asks for."""

    code = "invalid_settings"


class VersionExists(Conflict):
    """There is an integration with this slug and version already."""

    code = "integration_version_exists"


class VersionNotNewer(Conflict):
    """A published version is as new as this one, or newer."""

    code = "integration_version_not_newer"


class IntegrationFixed(Conflict):
    """A version that was published never changes."""

    code = "integration_published"


class IntegrationInUse(Conflict):
    """This integration is installed or listed."""

    code = "integration_in_use"


class NotPublished(Conflict):
    """Only a published integration can be used like this."""

    code = "integration_not_published"


class TooManyIntegrations(Conflict):
    """The organization has as many versions of integrations as it may have."""

    code = "too_many_integrations"


class ListingExists(Conflict):
    """There is a listing with this slug already."""

    code = "listing_exists"


class PermissionsChanged(Conflict):
    """What would be installed is not what was shown."""

    code = "permissions_changed"


class InstanceExists(Conflict):
    """There is an instance with this name in this environment already."""

    code = "instance_exists"


class InstancePinned(Conflict):
    """This instance is pinned to its version."""

    code = "instance_pinned"


class NothingToUpgrade(Conflict):
    """There is no newer version to upgrade to."""

    code = "nothing_to_upgrade"


class NothingToRollBack(Conflict):
    """There is no version before to roll back to."""

    code = "nothing_to_roll_back"


class InstanceStopped(Conflict):
    """The version that this instance uses was stopped by its publisher."""

    code = "instance_stopped"


class TooManyInstances(Conflict):
    """The organization has as many instances as it may have."""

    code = "too_many_instances"


class NotInstalled(HubError):
    """Only an organization that has it installed may review it."""

    code = "not_installed"
    status = 403


class ReviewExists(Conflict):
    """Your organization has reviewed this listing already."""

    code = "review_exists"


class ReviewHidden(Conflict):
    """This review was hidden by the people who run the hub."""

    code = "review_hidden"


class TooManyShares(Conflict):
    """The listing is shared with as many organizations as it may be."""

    code = "too_many_shares"
