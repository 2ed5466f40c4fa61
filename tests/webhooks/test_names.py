"""A delivery's name says which event and which endpoint; anything else names nothing."""

import pytest

from worksphere_hub import ids
from worksphere_hub.webhooks.errors import DeliveryNotFound
from worksphere_hub.webhooks.names import delivery_id, parse_delivery_id


def test_there_and_back():
    event, endpoint = ids.new(), ids.new()
    assert parse_delivery_id(delivery_id(event, endpoint)) == (event, endpoint)


@pytest.mark.parametrize(
    "text", ["", "dlv_", "dlv_" + "0" * 63, "dlv_" + "0" * 65, "evt_" + "0" * 64, "dlv_" + "G" * 64]
)
def test_what_names_nothing_answers_like_what_is_missing(text):
    with pytest.raises(DeliveryNotFound):
        parse_delivery_id(text)
