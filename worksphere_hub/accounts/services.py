"""What this room's decisions work with."""

from dataclasses import dataclass

from worksphere_hub.accounts.attempts import Attempts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.db.pool import Database
from worksphere_hub.security.passwords import PasswordHasher


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the API's side of this room works with: `request.state.accounts`. `pepper` keys the digests of API keys."""

    database: Database
    pepper: bytes
    passwords: PasswordHasher
    attempts: Attempts
    settings: AccountSettings


def open_accounts(database: Database, pepper: bytes, settings: AccountSettings) -> Accounts:
    """Put together what the routes need; close `passwords` when the process ends."""
    return Accounts(database, pepper, PasswordHasher(), Attempts(settings), settings)
