"""Put the commands together and turn failures into sentences."""

import sys
from collections.abc import Callable

import typer

from worksphere_hub import __version__
from worksphere_hub.cli import demo, doctor, endpoints, events, keys, migrate, organizations, serve, up, work
from worksphere_hub.cli.screen import complain
from worksphere_hub.errors import HubError

app = typer.Typer(
    help="WorkSphere Hub: a self-hosted integration hub on PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("up", up.up),
    ("serve", serve.serve),
    ("work", work.work),
    ("migrate", migrate.migrate),
    ("demo", demo.demo),
    ("doctor", doctor.doctor),
)
for _name, _command in _COMMANDS:
    app.command(_name)(_command)
for _name, _noun in (
    ("organizations", organizations.app),
    ("keys", keys.app),
    ("events", events.app),
    ("endpoints", endpoints.app),
):
    app.add_typer(_noun, name=_name)


@app.command("version")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; a failure the hub states on purpose is a sentence on stderr and exit status 1."""
    try:
        app()
    except HubError as error:
        complain(error)
        sys.exit(1)
