"""Signatures are those of Amazon's own library, for any request that a destination makes."""

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore import auth as botocore_auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.clouds.sigv4 import sign
from worksphere_hub.webhooks.destinations.destination import Outgoing

WORD = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda text: f"x-{text}")
VALUE = st.text([chr(code) for code in range(0x20, 0x7F)], max_size=40).map(str.strip)
# Others than S3 take dots out of a path; none of them has a path here.
SEGMENT = st.text("abzABZ019-_.~", min_size=1, max_size=10).filter(lambda part: part.strip("."))
PATH = st.lists(SEGMENT, max_size=4).map("/".join)
KEY = st.text("ABCdef0123456789/+=", min_size=20, max_size=40)
MOMENT = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def theirs(keys, service, region, draft, now):
    kind = botocore_auth.S3SigV4Auth if service == "s3" else botocore_auth.SigV4Auth
    request = AWSRequest(draft.method, draft.url, headers=dict(draft.headers), data=draft.body)
    request.context["payload_signing_enabled"] = True
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
    with patch.object(botocore_auth, "get_current_datetime", lambda: now.replace(tzinfo=None)):
        kind(credentials, service, region).add_auth(request)
    return request.headers["Authorization"]


@given(
    st.builds(AwsKeys, st.just("AKIDEXAMPLE"), KEY, st.sampled_from(["", "a/session+token=="])),
    st.sampled_from(["sqs", "sns", "events", "kinesis", "s3"]),
    st.builds(
        Outgoing,
        st.sampled_from(["POST", "PUT"]),
        PATH.map(lambda path: f"https://host.example/{path}"),
        st.dictionaries(WORD, VALUE, max_size=5),
        st.binary(max_size=100),
    ),
    MOMENT,
)
def test_every_signature_is_the_one_that_botocore_makes(keys, service, draft, now):
    ours = sign(keys, service, "eu-west-1", draft, now)
    assert ours.headers["authorization"] == theirs(keys, service, "eu-west-1", draft, now)
    assert (ours.method, ours.url, ours.body) == (draft.method, draft.url, draft.body)
    assert keys.secret_access_key not in ours.headers.values()


@pytest.mark.parametrize(
    "url", ["http://host.example:8443/", "https://127.0.0.1:443/", "http://host.example:80/", "https://HOST.example/"]
)
def test_a_port_is_part_of_the_host_unless_it_is_the_usual_one(url):
    draft, now = Outgoing("POST", url, {"content-type": "x"}, b"{}"), datetime(2026, 11, 24, tzinfo=UTC)
    ours = sign(AwsKeys("A", "S"), "sqs", "eu-west-1", draft, now)
    assert "host" not in ours.headers
    assert ours.headers["authorization"] == theirs(AwsKeys("A", "S"), "sqs", "eu-west-1", draft, now)
