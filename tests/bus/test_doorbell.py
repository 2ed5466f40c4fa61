"""The doorbell: it wakes whoever waits, and nothing depends on it."""

import asyncio
import os
import socket

import pytest

from tests.conftest import open_folder
from worksphere_hub.bus import doorbell
from worksphere_hub.bus.doorbell import Bell, Ear

# Far longer than a ring takes, and shorter than a test may.
LONG = 60.0


@pytest.fixture
def folder():
    """A folder with a short path, as sockets need it; it does not exist yet."""
    with open_folder() as outer:
        yield outer / "run"


@pytest.fixture
async def ear(folder):
    listening = Ear(folder)
    yield listening
    listening.close()


@pytest.fixture
def bell(folder):
    ringing = Bell(folder)
    yield ringing
    ringing.close()


@pytest.fixture
def time(monkeypatch):
    """The bell's clock, to be moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(doorbell.clock, "monotonic", lambda: now[0])
    return now


async def heard(ear):
    """Wait for a ring; a bell that does not work makes this fail by time."""
    async with asyncio.timeout(LONG / 3):
        await ear.wait(LONG)


async def is_quiet(ear):
    """Whether nobody has rung: waiting goes on until its own end."""
    waiting = asyncio.create_task(ear.wait(0.02))
    for _ in range(20):
        await asyncio.sleep(0)
    quiet = not waiting.done()
    await waiting
    return quiet


async def test_a_ring_ends_the_wait(ear, bell):
    waiting = asyncio.create_task(heard(ear))
    await asyncio.sleep(0)
    bell.ring()
    await waiting


async def test_a_ring_before_the_wait_is_not_lost_and_counts_once(ear, bell):
    bell.ring()
    bell.ring()
    await heard(ear)
    assert await is_quiet(ear)


async def test_without_a_ring_the_wait_ends_by_itself(ear):
    async with asyncio.timeout(LONG):
        await ear.wait(0.01)


async def test_it_can_be_rung_from_inside(ear):
    ear.wake()
    await heard(ear)
    assert await is_quiet(ear)


async def test_every_worker_hears(ear, bell, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(folder / "another.bell"))
        other.settimeout(LONG / 3)
        bell.ring()
        assert other.recv(16)
    await heard(ear)


async def test_what_a_dead_worker_left_behind_disturbs_nobody(ear, bell, folder):
    for name in ("0.bell", "zzz.bell"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(folder / name))
    (folder / "1.bell").write_text("not even a socket")
    (folder / "2.bell").symlink_to(folder / "nowhere")
    bell.ring()
    await heard(ear)


async def test_a_worker_takes_the_place_of_a_dead_one_with_its_number(folder, bell):
    folder.mkdir()
    path = folder / f"{os.getpid()}.bell"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(path))
    ear = Ear(folder)
    try:
        bell.ring()
        await heard(ear)
    finally:
        ear.close()
    assert not path.exists()


async def test_a_socket_that_is_full_has_rung_already(ear, bell):
    for _ in range(10_000):
        bell.ring()
    await heard(ear)
    # What came in while it was read may ring once more, then it is quiet.
    await is_quiet(ear)
    assert await is_quiet(ear)
    bell.ring()
    await heard(ear)


async def test_rings_that_nobody_hears_are_harmless(bell, folder, time):
    bell.ring()
    folder.mkdir()
    time[0] += 2
    bell.ring()
    ear = Ear(folder)
    try:
        bell.ring()
        assert await is_quiet(ear), "the bell looks for workers once a second"
        time[0] += 2
        bell.ring()
        await heard(ear)
    finally:
        ear.close()
    bell.ring()


@pytest.mark.parametrize("name", ["x" * 90, "ü" * 50, "/".join(["deep"] * 40)])
async def test_a_path_too_long_for_a_socket_is_taken_by_a_shorter_way(folder, name):
    ear, bell = Ear(folder / name), Bell(folder / name)
    try:
        bell.ring()
        await heard(ear)
        assert await is_quiet(ear)
    finally:
        ear.close()
        bell.close()
    assert list((folder / name).iterdir()) == []


async def test_where_there_is_no_shorter_way_there_is_no_doorbell(folder, monkeypatch):
    monkeypatch.setattr(doorbell, "_OPEN_FILES", folder / "nowhere")
    deep = folder / ("x" * 120)
    ear, bell = Ear(deep), Bell(deep)
    try:
        (deep / "1.bell").touch()
        bell.ring()
        assert await is_quiet(ear)
        ear.wake()
        await heard(ear)
    finally:
        ear.close()
        bell.close()


async def test_without_a_folder_there_is_no_doorbell():
    ear, bell = Ear(None), Bell(None)
    bell.ring()
    assert await is_quiet(ear)
    ear.wake()
    await heard(ear)
    ear.close()
    bell.close()


async def test_what_is_closed_leaves_no_file(folder):
    ear = Ear(folder)
    assert [path.name for path in folder.iterdir()] == [f"{os.getpid()}.bell"]
    ear.close()
    assert list(folder.iterdir()) == []
