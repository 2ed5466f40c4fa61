"""The API keeps to its own document, and generated rubbish never gets a 5xx."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


@pytest.mark.timeout(180)
async def test_every_operation_keeps_to_the_document(hub, capsys):
    # A key of its own: the suite's other tests must not be stopped by this one's thousands of requests.
    key = await hub.command("keys", "create", "acme", "--name", "fuzz", "--rate-limit", "100000")
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "run", f"{hub.base_url}/openapi.json",
        "--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--no-color",
        "--exclude-path", "/metrics", "--request-timeout", "20",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    shown = out.decode()
    # The failures themselves come first, the advice after them.
    assert process.returncode == 0, shown[shown.find("FAILURES") :][:6000]
    generated = re.search(r"(\d+) generated, (\d+) passed", shown)
    assert generated
    with capsys.disabled():
        print(f"\n  requests generated from the OpenAPI document: {generated[0]}")
