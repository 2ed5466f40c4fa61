"""What a credential may be: lines that fit into a header, and nothing besides."""

import msgspec
import pytest

from worksphere_hub.clouds.credentials import AwsKeys, ServiceAccount, SharedKey

SOUND = {
    AwsKeys: {"type": "aws", "access_key_id": "AKID", "secret_access_key": "s/+="},
    ServiceAccount: {"type": "google", "client_email": "a@b.example", "private_key_id": "1", "private_key": "PEM\nPEM"},
    SharedKey: {"type": "azure", "key_name": "Root", "key": "k="},
}


@pytest.mark.parametrize("kind", SOUND)
def test_each_is_read_by_its_type(kind):
    assert isinstance(msgspec.convert(SOUND[kind], AwsKeys | ServiceAccount | SharedKey), kind)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (AwsKeys, {"access_key_id": "A\r\nX-Evil: 1"}), (AwsKeys, {"access_key_id": ""}), (AwsKeys, {"region": "x"}),
        (AwsKeys, {"session_token": "a b"}), (SharedKey, {"key_name": "ü"}), (SharedKey, {"key": 7}),
        (ServiceAccount, {"client_email": "a b"}), (ServiceAccount, {"private_key": "k" * 20_001}),
    ],
)  # fmt: skip
def test_what_would_not_fit_is_refused_without_its_value(kind, change):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({**SOUND[kind], **change}, kind)
    assert "Evil" not in str(refused.value)
