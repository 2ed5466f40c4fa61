"""What the tests of the guarded client share."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from worksphere_hub.security.egress import EgressClient, EgressFailed, EgressPolicy, Reply

LOOPBACK = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
HEADERS = {"content-type": "application/json", "webhook-id": "evt_1"}


class Names:
    """A resolver that gives each lookup of a host its next answer, and the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        lists = self.answers.get(host)
        if not lists:
            raise OSError("no such name")
        return lists.pop(0) if len(lists) > 1 else lists[0]


async def post(client: EgressClient, url: str, **options) -> Reply:
    return await client.send("POST", url, headers=HEADERS, body=b'{"a":1}', **options)


async def failure(client: EgressClient, url: str, **options) -> EgressFailed:
    with pytest.raises(EgressFailed) as failed:
        await post(client, url, **options)
    assert url not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert failed.value.seconds >= 0
    return failed.value
