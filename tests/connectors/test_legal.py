"""What holds the connectors' requests against the vendors' descriptions finds what is wrong with one."""

import pytest

from tests.connectors.legal import Illegal, Legal
from worksphere_hub.sdk.api import Request


@pytest.mark.parametrize(
    ("vendor", "request_", "path"),
    [
        ("drive", Request("GET", "", query={"pageSize": 10, "fields": "files(id)"}), "/drive/v3/files"),
        ("drive", Request("POST", "", json={"name": "A", "parents": ["b"]}), "/drive/v3/files"),
        ("slack", Request("POST", "", form={"limit": "10", "types": "public_channel"}), "/api/conversations.list"),
        ("slack", Request("POST", "", form={"channel": "C1", "text": "x"}), "/api/chat.postMessage"),
        ("zoom", Request("GET", "", query={"page_size": 30}), "/v2/users"),
        ("graph", Request("POST", "", json={"body": {"content": "x"}}), "/v1.0/teams/t/channels/c/messages"),
    ],
)
def test_what_the_description_has_is_legal(vendor, request_, path):
    legal = Legal(vendor)
    legal.check(request_, path)
    assert legal.checked


@pytest.mark.parametrize(
    ("vendor", "request_", "path"),
    [
        ("drive", Request("GET", ""), "/drive/v3/flies"),
        ("drive", Request("PUT", ""), "/drive/v3/files"),
        ("drive", Request("GET", "", query={"pageSise": 10}), "/drive/v3/files"),
        ("drive", Request("GET", "", query={"pageSize": 5000}), "/drive/v3/files"),
        ("drive", Request("POST", "", json={"parents": "b"}), "/drive/v3/files"),
        ("drive", Request("GET", "", json={"name": "A"}), "/drive/v3/files"),
        ("slack", Request("POST", "", form={"chanel": "C1", "text": "x"}), "/api/chat.postMessage"),
        ("slack", Request("POST", "", form={"text": "x"}), "/api/chat.postMessage"),
        ("zoom", Request("GET", "", query={"page_size": "many"}), "/v2/users"),
        ("zoom", Request("GET", "", query={"type": "sometimes"}), "/v2/users/me/meetings"),
        ("graph", Request("POST", "", json={"body": "x"}), "/v1.0/teams/t/channels/c/messages"),
        ("graph", Request("GET", "", query={"$top": "all"}), "/v1.0/chats"),
    ],
)
def test_what_it_does_not_have_is_found(vendor, request_, path):
    with pytest.raises(Illegal):
        Legal(vendor).check(request_, path)
