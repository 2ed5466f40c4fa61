"""What requests are signed with is made ready once."""

from worksphere_hub.clouds.credentials import AwsKeys, SharedKey
from worksphere_hub.clouds.signer import signer_of


def test_keys_are_themselves_and_what_is_no_cloud_s_is_nothing():
    keys, shared = AwsKeys("A", "S"), SharedKey("n", "k")
    assert (signer_of(keys), signer_of(shared)) == (keys, shared)
    assert signer_of("anything else") is None
    assert signer_of(None) is None
