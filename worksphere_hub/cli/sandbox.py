"""`worksphere-hub sandbox`: local stand-ins for the prebuilt providers."""

from pathlib import Path
from typing import Annotated

import typer

from worksphere_hub.cli.screen import out, say
from worksphere_hub.errors import InvalidInput
from worksphere_hub.sandbox.errors import SandboxRefusal
from worksphere_hub.sandbox.serve import Binding, serve


def sandbox(
    port: Annotated[int, typer.Option(help="Where everything is served; 0 takes a free port.")] = 4100,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[Path | None, typer.Option(help="What to start with: .json, .toml, or .yaml with PyYAML.")] = None,
    split: Annotated[bool, typer.Option("--split", help="One more port for each provider, after the first.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="Serve over TLS with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
) -> None:
    """Run stand-ins for Slack, Google Drive, Salesforce, Microsoft Teams and Zoom, to develop and test against."""
    say("Nobody's real account is involved, and everything is forgotten when it stops. Ctrl-C stops it")
    try:
        serve(seed, Binding(host, port, split, certificate, key), out.print)
    except SandboxRefusal as refusal:
        raise InvalidInput(str(refusal)) from refusal
