"""`worksphere-hub up`: everything in one."""

from worksphere_hub.app.settings import load_settings
from worksphere_hub.app.up import running_hub
from worksphere_hub.cli.screen import say


def up() -> None:
    """Run the whole hub in the foreground: PostgreSQL if there is none, schema, API and worker."""
    settings = load_settings()
    with running_hub(settings, tell=say) as (supervisor, running):
        say(f"The hub is ready at http://{running.host}:{running.port}")
        supervisor.watch()
        say("Stopping")
