"""What destinations want to be shown, beside a name and password or a token."""

from typing import Annotated

import msgspec
from msgspec import Meta

_Line = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+$")]


class AwsKeys(msgspec.Struct, tag_field="type", tag="aws", forbid_unknown_fields=True):
    """An access key. Keys with a session token run out; those of a user last."""

    access_key_id: _Line
    secret_access_key: _Line
    session_token: Annotated[str, Meta(max_length=8000, pattern=r"^[\x21-\x7e]*$")] = ""


class ServiceAccount(msgspec.Struct, tag_field="type", tag="google", forbid_unknown_fields=True):
    """A key of a Google service account: three fields of its JSON file."""

    client_email: _Line
    private_key_id: _Line
    private_key: Annotated[str, Meta(min_length=1, max_length=20_000)]


class SharedKey(msgspec.Struct, tag_field="type", tag="azure", forbid_unknown_fields=True):
    """A shared access policy of Azure: its name and one of its keys."""

    key_name: _Line
    key: _Line
