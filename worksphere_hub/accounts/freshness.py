"""Remember what was looked up, for so short a time that nobody minds, and look each thing up once for all who ask."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from worksphere_hub import clock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_REMEMBERED = 10_000
# Of a process's ten connections: a flood of made-up keys must leave some for those who have a real one.
_AT_ONCE = 4


class _Answer(NamedTuple, Generic[Value]):
    value: Value
    until: float


class Fresh(Generic[Key, Value]):
    """Answers at most `seconds` old, of unknown things too; the ones unused longest are forgotten first."""

    def __init__(
        self, look_up: Callable[[Key], Awaitable[Value]], *, seconds: float, remembered: int = _REMEMBERED
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._remembered = remembered
        self._answers: OrderedDict[Key, _Answer[Value]] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[_Answer[Value]]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def find(self, key: Key, now: float) -> Value:
        """The answer for `key`, without waiting when there is a fresh one. `now` is in monotonic seconds."""
        answer = self._answers.get(key)
        if answer is not None and answer.until > now:
            self._answers.move_to_end(key)
            return answer.value
        # An answer under way may turn out too old for whoever joined late; then it is asked for once more.
        while answer is None or answer.until <= now:
            task = self._asking.get(key)
            if task is None:
                task = self._asking[key] = asyncio.create_task(self._ask(key))
            # One caller who gives up must not take the answer from the others.
            answer = await asyncio.shield(task)
        return answer.value

    async def _ask(self, key: Key) -> _Answer[Value]:
        try:
            async with self._places:
                # Counted from before the question: what changes while it is answered counts as after it.
                asked = clock.monotonic()
                answer = _Answer(await self._look_up(key), asked + self._seconds)
        finally:
            del self._asking[key]
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._remembered:
            self._answers.popitem(last=False)
        return answer
