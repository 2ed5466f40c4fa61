"""`doctor` says in words what to do, and exits with 1 as long as something is to be done."""

import asyncio
import base64
import os
import secrets
import subprocess
import sys

from worksphere_hub.app.deployment import found
from worksphere_hub.db.embedded import free_port
from worksphere_hub.security.vault import load_master_keys

KEY = base64.b64encode(secrets.token_bytes(32)).decode()


async def doctor(**settings: str) -> tuple[int, str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worksphere_hub", "doctor",
        env=outside | {"HUB_PORT": str(free_port())} | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_a_good_database_is_fine(database):
    await found(database.admin_url, load_master_keys(text=KEY))
    status, said = await doctor(HUB_DATABASE_URL=database.app_url, HUB_MASTER_KEY=KEY)
    assert status == 0, said
    assert "to do" not in said
    assert {"fsync", "login", "master key"} <= {line.split("  ", 1)[-1].strip() for line in said.splitlines()}


async def test_a_login_that_may_do_everything_is_named(database):
    await found(database.admin_url, load_master_keys(text=KEY))
    status, said = await doctor(HUB_DATABASE_URL=database.admin_url, HUB_MASTER_KEY=KEY)
    assert status == 1
    assert "hub_admin is a superuser" in said


async def test_another_master_key_is_noticed(database):
    await found(database.admin_url, load_master_keys(text=KEY))
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    status, said = await doctor(HUB_DATABASE_URL=database.app_url, HUB_MASTER_KEY=other)
    assert status == 1
    assert "not loaded" in said


async def test_a_database_that_does_not_answer_is_a_sentence():
    status, said = await doctor(HUB_DATABASE_URL=f"postgresql://a:b@127.0.0.1:{free_port()}/hub", HUB_MASTER_KEY=KEY)
    assert status == 1
    assert "database" in said


async def test_a_bad_key_is_a_sentence():
    status, said = await doctor(HUB_MASTER_KEY="not a key")
    assert status == 1
    assert "base64" in said
