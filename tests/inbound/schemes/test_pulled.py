"""A queue of one's own: a credential that is one, and nothing that is posted."""

import json

import pytest

from worksphere_hub.inbound.schemes.catalogue import config_of, scheme_of
from worksphere_hub.inbound.schemes.pulled import Pulled
from worksphere_hub.inbound.schemes.scheme import Received, Refused, WeakSecret

QUEUE = {"kind": "aws_sqs", "queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q", "region": "eu-west-1"}
PULLED = Pulled(scheme="pulled", queue=QUEUE)
GOOGLE = Pulled(scheme="pulled", queue={"kind": "google_pubsub", "subscription": "projects/acme/subscriptions/hub"})


def test_it_is_stored_and_read_again():
    assert scheme_of("pulled", json.loads(json.dumps(config_of(PULLED)))) == PULLED
    assert config_of(PULLED)["queue"]["queue_url"] == QUEUE["queue_url"]


def test_whatever_is_posted_is_refused():
    secret = json.dumps({"type": "aws", "access_key_id": "A", "secret_access_key": "S"})
    PULLED.check_secret(secret)
    with pytest.raises(Refused):
        PULLED.verify(Received("POST", (), "", (), secret.encode(), 0.0), (secret,))


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        (PULLED, "text"),
        (PULLED, '{"type":"aws"}'),
        (GOOGLE, '{"type":"google","client_email":"a@b","private_key_id":"k","private_key":"none"}'),
    ],
)
def test_a_secret_that_is_no_credential_is_refused(scheme, secret):
    with pytest.raises(WeakSecret):
        scheme.check_secret(secret)
