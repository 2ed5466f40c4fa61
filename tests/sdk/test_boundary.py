"""Whatever a connector stumbles over comes out as a failure of the kit, without what the provider sent."""

import pytest

from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.errors import Missing, Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message
from worksphere_hub.sdk.stream import Kind, Page, Stream

SECRET = "what the provider sent"


class Reads(Stream):
    """Gives pages, and then whatever it is told to."""

    def __init__(self, *pages, then=None):
        super().__init__("things", Kind("Things", ("id",)))
        self.pages, self.then = pages, then

    async def read(self, _api, _state, *, only=None):
        del only
        for page in self.pages:
            yield page
        if self.then is not None:
            raise self.then


async def everything(stream):
    return [page async for page in boundary.pages(stream, None, None)]


async def test_pages_come_through():
    page = Page([{"id": 1}, {"id": 0}], {"at": 1})
    assert await everything(Reads(page, page)) == [page, page]


@pytest.mark.parametrize(
    "error", [KeyError(SECRET), TypeError(SECRET), AttributeError(SECRET), ValueError(SECRET), IndexError(SECRET)]
)
async def test_what_it_stumbles_over_is_unexpected(error):
    with pytest.raises(Unexpected) as failure:
        await everything(Reads(Page([{"id": 1}], {}), then=error))
    assert SECRET not in failure.value.detail
    assert f"{type(error).__name__} at test_boundary.py:" in failure.value.detail


async def test_its_own_failures_and_a_cancellation_are_left_alone():
    with pytest.raises(Missing):
        await everything(Reads(then=Missing("gone")))
    with pytest.raises(OSError, match="disk"):
        await everything(Reads(then=OSError("disk")))


@pytest.mark.parametrize("record", [{}, {"id": None}, [], None, "text"])
async def test_no_record_without_its_key_gets_through(record):
    with pytest.raises(Unexpected):
        await everything(Reads(Page([{"id": 1}, record], {})))


async def test_a_state_that_cannot_be_stored_is_none():
    with pytest.raises(Unexpected):
        await everything(Reads(Page([], {"at": object()})))


async def test_an_action_and_a_message():
    class Fails(Action):
        async def run(self, _api, given):
            return given["nothing"]

    class Stumbles(Inbound):
        def read(self, message):
            return [message.headers["nothing"]]

    with pytest.raises(Unexpected):
        await boundary.run(Fails("fail", Deed("Fail")), None, {})
    with pytest.raises(Unexpected):
        boundary.facts(Stumbles(), Message({}, {}, b""))
