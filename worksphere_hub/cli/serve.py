"""`worksphere-hub serve`: an API process."""

from worksphere_hub.app import api
from worksphere_hub.cli.process import run


def serve() -> None:
    """Run an API process on HUB_HOST and HUB_PORT, on the database of HUB_DATABASE_URL."""
    run(api.serve)
