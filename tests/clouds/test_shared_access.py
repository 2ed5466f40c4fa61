"""Proofs are those of Azure's own library."""

from urllib.parse import parse_qs

import pytest
from azure.servicebus._base_handler import generate_sas_token

from worksphere_hub.clouds.credentials import SharedKey
from worksphere_hub.clouds.shared_access import proof

KEY = SharedKey("RootManageSharedAccessKey", "c2VjcmV0IGtleSBvZiB0aGUgbmFtZXNwYWNlPT0=")


@pytest.mark.parametrize("place", ["https://acme-bus.servicebus.windows.net/orders", "sb://x/A b/ü?q=1&p=2"])
def test_a_proof_is_the_one_that_azures_library_makes(place):
    theirs = generate_sas_token(place.lower(), KEY.key_name, KEY.key, 1_795_489_445)
    ours = proof(KEY, place, 1_795_489_445)
    assert dict(parse_qs(ours.partition(" ")[2])) == dict(parse_qs(theirs.partition(" ")[2]))
    assert ours == theirs
