"""The command line: one file a noun."""

from worksphere_hub.cli.entry import main

__all__ = ["main"]
