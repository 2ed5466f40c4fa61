"""The eight programs under examples/verify, the hub itself and a library of others judge the same messages alike."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import standardwebhooks.webhooks

from tests.architecture.sources import ROOT
from worksphere_hub.client import SignatureRefused, verify
from worksphere_hub.security.signing import SecretRefused

FOLDER = ROOT / "examples" / "verify"
CASES = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))["cases"]

# Where the reference library is of another mind, and why ours is not its.
LIBRARY_TAKES = {
    "an id with a dot": "the standard forbids it, since one signature would then cover two messages",
    "a secret without its prefix": "it is looser about how a secret is written",
    "a secret that is too short": "it is looser about how a secret is written",
}
REFUSALS = (
    standardwebhooks.webhooks.WebhookVerificationError,
    standardwebhooks.webhooks.EmptyWebhookSecretError,
    ValueError,
)
LIBRARY_REFUSES = {
    "something unreadable beside ours": "it stops at the first item that it cannot read",
    "a body that is no text": "it reads the body as text",
}


def body(case):
    return base64.b64decode(case["body_base64"])


def node_version():
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in told.strip().removeprefix("v").split(".")[:2])


def needs(*commands):
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)}")


def build(command, folder):
    environment = os.environ | {"GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def python(_):
    return [sys.executable, "-I", str(FOLDER / "verify.py")]


def javascript(_):
    needs("node")
    return ["node", str(FOLDER / "verify.mjs")]


def typescript(folder):
    needs("node")
    if node_version() >= (22, 6) and shutil.which("tsc") is None:
        return ["node", "--experimental-strip-types", "--no-warnings", str(FOLDER / "verify.ts")]
    if node_version() < (19, 0):
        pytest.skip("a node with Web Crypto (19 or later) is not on this machine")
    needs("tsc")
    # An older compiler does not know that Uint8Array may name its buffer; everything else it checks.
    source = (FOLDER / "verify.ts").read_text(encoding="utf-8").replace("Uint8Array<ArrayBuffer>", "Uint8Array")
    (folder / "verify.ts").write_text(source, encoding="utf-8")
    options = [
        "--target",
        "es2022",
        "--module",
        "es2022",
        "--lib",
        "es2022,dom",
        "--strict",
        "--moduleDetection",
        "force",
    ]
    build(["tsc", *options, "verify.ts"], folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return ["node", str(folder / "verify.js")]


def go(folder):
    needs("go")
    build(["go", "build", "-o", str(folder / "verify"), str(FOLDER / "verify.go")], folder)
    return [str(folder / "verify")]


def ruby(_):
    needs("ruby")
    return ["ruby", "-w", str(FOLDER / "verify.rb")]


def php(_):
    needs("php")
    return ["php", "-d", "display_errors=stderr", str(FOLDER / "verify.php")]


def java(folder):
    needs("java", "javac")
    build(["javac", "-Xlint:all", "-Werror", "-d", str(folder), str(FOLDER / "Verify.java")], folder)
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(folder), "Verify"]


def csharp(folder):
    needs("mcs", "mono")
    build(["mcs", f"-out:{folder / 'verify.exe'}", str(FOLDER / "verify.cs")], folder)
    return ["mono", str(folder / "verify.exe")]


PROGRAMS: dict[str, Callable] = {
    program.__name__: program for program in (python, javascript, typescript, go, ruby, php, java, csharp)
}


def judge(command, case):
    """What a program prints about one message."""
    head = "".join(f"{name}: {value}\n" for name, value in case["headers"].items())
    environment = os.environ | {"WEBHOOK_SECRET": case["secret"], "WEBHOOK_NOW": str(case["now"])}
    done = subprocess.run(
        command, input=head.encode() + b"\n" + body(case), capture_output=True, env=environment, check=False
    )
    assert done.stderr == b"", done.stderr.decode()
    return done.stdout.decode().strip()


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_judges_every_message_as_it_should(language, tmp_path):
    command = PROGRAMS[language](tmp_path)
    judged = {case["name"]: judge(command, case) for case in CASES}
    assert judged == {case["name"]: case["expected"] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_hubs_own_client_judges_the_same(case):
    reasons = {
        "signature_missing": "missing",
        "signature_malformed": "malformed",
        "signature_out_of_time": "time",
        "signature_wrong": "signature",
    }
    try:
        verify(case["secret"], case["headers"], body(case), now=case["now"])
        judged = "ok"
    except SignatureRefused as refused:
        judged = f"refused: {reasons[refused.code]}"
    except SecretRefused:
        judged = "refused: secret"
    assert judged == case["expected"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_reference_library_judges_the_same(case, monkeypatch):
    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(case["now"], tz=tz or UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
    try:
        standardwebhooks.Webhook(case["secret"]).verify(body(case), case["headers"], json_parse=False)
        judged = "ok"
    except REFUSALS:
        judged = "refused"
    expected = case["expected"].partition(":")[0]
    if case["name"] in LIBRARY_TAKES:
        assert (judged, expected) == ("ok", "refused")
    elif case["name"] in LIBRARY_REFUSES:
        assert (judged, expected) == ("refused", "ok")
    else:
        assert judged == expected


def test_the_vectors_are_what_the_tool_writes():
    tool = [sys.executable, str(ROOT / "tools" / "make_verify_vectors.py"), "--check"]
    assert subprocess.run(tool, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode == 0
    assert len(CASES) >= 40
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert LIBRARY_TAKES.keys() | LIBRARY_REFUSES.keys() <= {case["name"] for case in CASES}
