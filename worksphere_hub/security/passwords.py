"""Passwords: Argon2id in a few threads of its own, so that a flood of logins slows only logins down."""

import asyncio
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from worksphere_hub.errors import FieldProblem, HubError, Unavailable

SHORTEST = 10
LONGEST = 256
# RFC 9106's second recommendation: 64 MiB and three passes, with as many lanes as a small server has cores.
PARAMETERS = argon2.Parameters(
    type=argon2.Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=3,
    memory_cost=65_536,
    parallelism=2,
)

_Result = TypeVar("_Result")


class PasswordRefused(HubError):
    """This password cannot be used."""

    code = "password_refused"
    status = 422

    def __init__(self, what: str) -> None:
        super().__init__(what, problems=[FieldProblem("password", what)])


class PasswordsBusy(Unavailable):
    """Too many passwords are being checked right now."""

    code = "passwords_busy"


class PasswordHasher:
    """Hash and verify passwords, `at_once` at a time and `waiting` more in line."""

    def __init__(self, *, at_once: int = 2, waiting: int = 64, parameters: argon2.Parameters = PARAMETERS) -> None:
        """Each running hash takes `parameters.memory_cost` KiB of memory."""
        self._argon2 = argon2.PasswordHasher.from_parameters(parameters)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(at_once + waiting)
        # What an unknown user's password is checked against: their absence must take as long as a mistake.
        self._nobody = self._argon2.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        """Hash a new password. Raises PasswordRefused when it is too short or too long, and PasswordsBusy."""
        normal = _normalised(password)
        if len(normal) < SHORTEST:
            raise PasswordRefused(f"A password has at least {SHORTEST} characters; this one has {len(normal)}.")
        if len(normal) > LONGEST:
            raise PasswordRefused(f"A password has at most {LONGEST} characters; this one has {len(normal)}.")
        return await self._in_thread(lambda: self._argon2.hash(normal))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits the stored hash, None being an unknown user. Raises PasswordsBusy.

        Takes the same time whether the user is unknown, the password wrong, or its length impossible.
        """
        try:
            normal = _normalised(password)
        except PasswordRefused:
            normal = ""
        possible = stored is not None and SHORTEST <= len(normal) <= LONGEST
        against = stored if stored is not None and possible else self._nobody
        fits = await self._in_thread(lambda: self._fits(against, normal if possible else "nobody"))
        return fits and possible

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters: hash the password anew at its next correct login."""
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        """Let the threads end once they are idle."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy("Too many logins at once. Try again in a few seconds.", retry_after=5)
        future = self._threads.submit(work)
        # Taken until the thread is done: a caller who gives up does not make the thread any freer.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def _normalised(password: str) -> str:
    # The same password typed on another keyboard may arrive composed differently (NIST SP 800-63B: NFKC).
    # Length first: normalising a megabyte would be a way to keep the event loop busy.
    if len(password) > LONGEST * 4:
        raise PasswordRefused(f"A password has at most {LONGEST} characters; this one has {len(password)}.")
    normal = unicodedata.normalize("NFKC", password)
    try:
        normal.encode()
    except UnicodeEncodeError:
        raise PasswordRefused("The password holds characters that are no valid Unicode.") from None
    return normal
