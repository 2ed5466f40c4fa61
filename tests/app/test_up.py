"""What the supervisor does when PostgreSQL does not come back at once; the rest is tests/acceptance and tests/chaos."""

from worksphere_hub.app import up
from worksphere_hub.app.up import Supervisor
from worksphere_hub.db.embedded import EmbeddedServerFailed


class Unwilling:
    """A server that has ended and fails to start twice, as on a full disk."""

    def __init__(self, supervisor):
        self.supervisor = supervisor
        self.starts = 0
        self.alive = False

    def start(self, *, within):
        assert within < 60
        self.starts += 1
        if self.starts < 3:
            raise EmbeddedServerFailed("PostgreSQL did not start.")
        self.alive = True
        self.supervisor.stop()


def test_a_server_that_does_not_start_is_started_again(monkeypatch):
    monkeypatch.setattr(up, "_RESTART_SECONDS", 0.0)
    said = []
    supervisor = Supervisor(said.append)
    server = Unwilling(supervisor)
    supervisor.mind(server)
    supervisor.watch()
    assert (server.starts, server.alive) == (3, True)
    assert sum("Trying again" in sentence for sentence in said) == 2
