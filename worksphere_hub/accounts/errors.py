"""What accounts refuse, one class a failure."""

from worksphere_hub.errors import Conflict, HubError, InvalidInput, NotFound
from worksphere_hub.http.errors import RateLimited


class Unauthenticated(HubError):
    """The request does not say who asks, or not in a way that the hub accepts."""

    code = "unauthenticated"
    status = 401


class SignInRefused(HubError):
    """The e-mail address, the password or the organization is wrong."""

    code = "sign_in_refused"
    status = 401


class Forbidden(HubError):
    """Whoever asks may not do this."""

    code = "forbidden"
    status = 403


class TooManyAttempts(RateLimited):
    """Too many passwords were tried."""

    code = "too_many_attempts"


class OrganizationRequired(InvalidInput):
    """This person belongs to several organizations."""

    code = "organization_required"


class PasswordWrong(InvalidInput):
    """The current password is another one."""

    code = "password_wrong"


class PermissionUnknown(InvalidInput):
    """There is no such permission, or nobody can be given it here."""

    code = "permission_unknown"


class RoleUnknown(InvalidInput):
    """There is no such role in this organization."""

    code = "role_unknown"


class RateLimitTooHigh(InvalidInput):
    """The rate limit is higher than what may be given."""

    code = "rate_limit_too_high"


class OrganizationNotFound(NotFound):
    """There is no organization with this id."""


class MemberNotFound(NotFound):
    """There is no member with this id."""


class InvitationNotFound(NotFound):
    """There is no invitation like this, or no longer."""


class RoleNotFound(NotFound):
    """There is no role with this name."""


class KeyNotFound(NotFound):
    """There is no API key with this id."""


class SessionNotFound(NotFound):
    """There is no session with this id."""


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "slug_taken"


class OperatorStays(Conflict):
    """The organization that runs the hub cannot be suspended."""

    code = "operator_stays"


class AlreadyMember(Conflict):
    """This person is a member already."""

    code = "already_member"


class AlreadyInvited(Conflict):
    """This person has an invitation already."""

    code = "already_invited"


class EmailTaken(Conflict):
    """Somebody has just signed up with this e-mail address."""

    code = "email_taken"


class LastOwner(Conflict):
    """This is the organization's last owner."""

    code = "last_owner"


class RoleExists(Conflict):
    """There is a role with this name already."""

    code = "role_exists"


class RoleBuiltIn(Conflict):
    """This role is built in."""

    code = "role_built_in"


class RoleInUse(Conflict):
    """Somebody has this role, or is invited to it."""

    code = "role_in_use"


class TooManyRoles(Conflict):
    """The organization has as many roles as it may have."""

    code = "too_many_roles"


class TooManyKeys(Conflict):
    """The organization has as many API keys as it may have."""

    code = "too_many_keys"


class TooManyInvitations(Conflict):
    """The organization has as many open invitations as it may have."""

    code = "too_many_invitations"
