"""`python -m worksphere_hub` is the command line."""

from worksphere_hub.cli import main

main()
