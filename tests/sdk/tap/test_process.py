"""A program apart: what it sees, what it may take, and that nothing of it stays."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.sdk.tap.programs import program
from worksphere_hub.sdk.errors import AuthFailed, BadSettings, ConnectorFailed, RateLimited, Transient, Unexpected
from worksphere_hub.sdk.tap import process
from worksphere_hub.sdk.tap.process import Command, apart, redacted

SECRET = 's3cr3t-"quoted"-value'


async def said(folder, body, *arguments, **given):
    tap = program(folder, f"tap-{len(list(folder.iterdir()))}", body)
    async with apart(Command(tap.program, arguments, given.pop("files", {}), **given)) as run:
        return [line async for line in run.lines()]


async def test_it_is_given_its_arguments_and_files_and_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_MASTER_KEY", "canary")
    body = """
print(json.dumps(sys.argv[1:]))
print(json.dumps(dict(os.environ)))
print(open("config.json").read(), oct(os.stat("config.json").st_mode)[-3:], oct(os.stat(".").st_mode)[-3:])
print(os.getcwd(), os.environ["HOME"], os.getsid(0) == os.getpid())
"""
    arguments, environment, file, place = await said(tmp_path, body, "--a", "b", files={"config.json": b"{}"})
    assert arguments == b'["--a", "b"]\n'
    assert b"canary" not in environment
    assert b"HUB_" not in environment
    assert file.split() == [b"{}", b"600", b"700"]
    folder, home, leads = place.split()
    assert (folder, leads) == (home, b"True")
    assert not Path(folder.decode()).exists()  # noqa: ASYNC240 - a look at a folder


async def test_it_has_limits(tmp_path):
    body = (
        "import resource\nprint(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    (limits,) = await said(tmp_path, body)
    assert limits.split() == [str(4 * 2**30).encode(), b"0"]
    with pytest.raises(ConnectorFailed, match="MemoryError"):
        await said(tmp_path, "bytearray(8 * 2**30)")


async def test_a_program_that_is_not_there_says_so(tmp_path):
    with pytest.raises(BadSettings, match="not there"):
        async with apart(Command(tmp_path / "nothing", (), {})):
            pass


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("401 Client Error: Unauthorized", AuthFailed),
        ("429 Too Many Requests", RateLimited),
        ("Connection reset by peer", Transient),
        ("KeyError: 'id'", Unexpected),
    ],
)
async def test_how_it_ended_is_told_by_whose_it_is_without_a_secret(tmp_path, words, kind):
    body = f"print('first', file=sys.stderr); print({words!r} + {SECRET!r}, file=sys.stderr); sys.exit(3)"
    with pytest.raises(kind) as failed:
        await said(tmp_path, body, secrets=[SECRET])
    assert "ended with 3" in failed.value.detail
    assert words in failed.value.detail
    assert "[redacted]" in failed.value.detail
    assert "s3cr3t" not in failed.value.detail


def test_a_secret_is_taken_out_as_json_writes_it_too():
    assert redacted('{"a": "s3cr3t-\\"quoted\\"-value"} s3cr3t-"quoted"-value abc', [SECRET, "ab"]) == (
        '{"a": "[redacted]"} [redacted] abc'
    )


async def test_what_floods_or_never_ends_a_line_takes_no_more_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_LONGEST_LINE", 65_536)
    with pytest.raises(Unexpected, match="65536 bytes"):
        await said(tmp_path, "while True: sys.stdout.write('x' * 65536)")
    lines = await said(tmp_path, "sys.stderr.write('e' * 5_000_000)\nfor n in range(50_000): print(n)")
    assert len(lines) == 50_000


async def test_what_says_nothing_for_too_long_is_ended(tmp_path):
    with pytest.raises(Transient, match="said nothing"):
        await said(tmp_path, "time.sleep(60)", idle_seconds=0.3)
    with pytest.raises(Transient, match="does not end"):
        await said(tmp_path, "os.close(1); time.sleep(60)", idle_seconds=0.5)


async def test_a_child_that_got_away_with_the_pipes_is_not_waited_for(tmp_path):
    body = """
if os.fork() == 0:
    os.setsid()
    time.sleep(8)
    sys.exit(0)
print("x", flush=True)
while True: sys.stdout.write('y' * 65536 + chr(10))
"""
    tap = program(tmp_path, "tap", body)
    async with asyncio.timeout(5), apart(Command(tap.program, (), {})) as run:
        async for line in run.lines():
            assert line == b"x\n"
            break


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


async def test_who_stops_early_leaves_neither_it_nor_its_children(tmp_path):
    body = """
child = os.fork()
if child == 0:
    time.sleep(60)
print(os.getpid(), child, flush=True)
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""
    tap = program(tmp_path, "tap", body)
    pids = []

    async def look():
        async with apart(Command(tap.program, (), {})) as run:
            async for line in run.lines():
                pids.extend(int(each) for each in line.split())
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await look()
    assert len(pids) == 2
    async with asyncio.timeout(20):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.01)
    assert os.getpid() not in pids
