"""Limits of keys, sessions and sign-ins."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Limits of keys, sessions and sign-ins; the defaults stand beside the code that obeys them."""

    rate_limit: int = 1_000  # requests a second of one key or person in one API process, unless the key has its own
    rate_burst: int = 2_000  # requests that may come at once
    freshness: float = 1.0  # seconds until every process has heard of a revoked key, an ended session, a changed role
    key_days: int = 365  # life of an API key that is made without saying how long
    key_days_limit: int = 730  # longest life of an API key
    key_limit: int = 100  # API keys of one organization that are neither revoked nor expired
    role_limit: int = 50  # roles of one organization besides the built-in ones
    invitation_limit: int = 200  # invitations of one organization that wait to be accepted
    invitation_days: int = 7  # life of an invitation
    session_hours: int = 168  # life of a session, however busy it is; an idle one ends after 12 hours
    admin_session_hours: int = 24  # the same for people who may change members or the organization
    attempts_per_email: int = 10  # wrong passwords for one e-mail address at once, then one a minute
    attempts_per_address: int = 100  # wrong passwords from one network address at once, then one each six seconds
