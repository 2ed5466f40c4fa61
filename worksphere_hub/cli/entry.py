"""Put the commands together and turn failures into sentences."""

import importlib
import sys
from typing import Any

import typer

from worksphere_hub import __version__
from worksphere_hub.cli.screen import complain
from worksphere_hub.errors import HubError

# Each is a module of this room, imported when it is asked for: the web framework alone takes most of a second to
# import, and half of the commands, the supervisor of the demo among them, never need it.
COMMANDS = ("up", "serve", "work", "migrate", "demo", "doctor", "listen", "sandbox")
NOUNS = (
    "organizations", "keys", "events", "endpoints", "deliveries", "integrations", "marketplace", "connections", "taps",
)  # fmt: skip


def build(wanted: str | None) -> typer.Typer:
    """The command line with the one command that is wanted, or with all of them, for the help."""
    app = typer.Typer(
        help="WorkSphere Hub: a self-hosted integration hub on PostgreSQL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    chosen = {wanted} if wanted in {*COMMANDS, *NOUNS} else {*COMMANDS, *NOUNS}
    for name in COMMANDS:
        if name in chosen:
            app.command(name)(getattr(_module(name), name))
    for name in NOUNS:
        if name in chosen:
            app.add_typer(_module(name).app, name=name)
    app.command("version")(version)
    return app


def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line; a failure the hub states on purpose is a sentence on stderr and exit status 1."""
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except HubError as error:
        complain(error)
        sys.exit(1)


def _module(name: str) -> Any:
    return importlib.import_module(f"worksphere_hub.cli.{name}")
