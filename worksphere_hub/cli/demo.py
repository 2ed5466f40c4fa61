"""`worksphere-hub demo`: the hub with sample data."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from worksphere_hub.app import demo as sample
from worksphere_hub.app import demo_providers
from worksphere_hub.app.embedded import Home
from worksphere_hub.app.settings import InvalidSetting, Settings, load_settings
from worksphere_hub.app.up import running_hub
from worksphere_hub.cli.screen import out, say, working

_LOOPBACK = "127.0.0.0/8"


def demo(
    reset: Annotated[bool, typer.Option("--reset", help="Start afresh: delete what the last demo left.")] = False,
) -> None:
    """Run the hub with sample data in the foreground, and write how to reach it to HUB_HOME/demo.json."""
    settings = load_settings()
    if settings.database_url is not None:
        raise InvalidSetting("The demo brings its own database. Unset HUB_DATABASE_URL, or use `worksphere-hub up`.")
    if reset:
        _clear(settings.home)
    allowed = (*settings.egress.allow, _LOOPBACK) if _LOOPBACK not in settings.egress.allow else settings.egress.allow
    port = demo_providers.sandbox_port(settings.port)
    sandbox_url = f"http://127.0.0.1:{port}"
    egress = replace(settings.egress, allow=allowed, reroutes=demo_providers.reroutes(sandbox_url))
    settings = replace(settings, egress=egress)
    with running_hub(settings, tell=say) as (supervisor, running):
        seed = demo_providers.write_seed(running.home, _addresses(running))
        supervisor.start("sandbox", running, "--port", str(port), "--seed", str(seed))
        with working("Loading the sample data"):
            access = asyncio.run(sample.load_demo(running))
        demo_providers.wait_ready(port)
        file = sample.write_demo_file(running, access, sandbox_url)
        try:
            say(
                "This demo may deliver to receivers on this machine (127.0.0.0/8); a hub of your own may not by default"
            )
            base_url = f"http://{running.host}:{running.port}"
            out.print(f"\n  [bold]WorkSphere Hub[/] is ready at [bold]{base_url}[/]")
            out.print(f"  login     {sample.EMAIL}  {access.password}")
            out.print(f"  API key   {access.api_key}")
            out.print(f"  psql      {access.database_url}")
            out.print(f"  sandbox   {sandbox_url}  plays Slack, Google, Salesforce, Microsoft and Zoom")
            out.print(f"  all of it in {file}\n")
            say("Ctrl-C stops it; your data stays")
            supervisor.watch()
            say("Stopping")
        finally:
            file.unlink(missing_ok=True)


def _addresses(settings: Settings) -> list[str]:
    return [f"http://{host}:{settings.port}" for host in dict.fromkeys(("127.0.0.1", "localhost", settings.host))]


def _clear(folder: Path) -> None:
    """Delete what a demo left, unless a hub runs in it."""
    home = Home(folder)
    home.hold()
    try:
        home.clear()
    finally:
        home.release()
