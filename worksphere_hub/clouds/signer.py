"""What requests to a cloud are signed with, made ready once."""

from worksphere_hub.clouds.credentials import AwsKeys, ServiceAccount, SharedKey
from worksphere_hub.clouds.service_account import GoogleTokens

Signer = AwsKeys | GoogleTokens | SharedKey | None


def signer_of(credentials: object) -> Signer:
    """Keys to sign with, or a maker of tokens; None of what is no cloud's. Raises UnusableKey."""
    if isinstance(credentials, ServiceAccount):
        return GoogleTokens(credentials)
    return credentials if isinstance(credentials, AwsKeys | SharedKey) else None
