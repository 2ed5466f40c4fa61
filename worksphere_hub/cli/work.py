"""`worksphere-hub work`: a worker process."""

from worksphere_hub.app import worker
from worksphere_hub.cli.process import run


def work() -> None:
    """Run a worker process, which delivers what is due, on the database of HUB_DATABASE_URL."""
    run(worker.work)
