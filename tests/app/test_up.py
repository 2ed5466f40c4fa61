"""The supervisor ends whenever it is told to, wherever a signal finds it."""

import subprocess
import sys

PROGRAM = """
import os, signal
from worksphere_hub.app.up import Supervisor

# A clock of the kernel's knows nothing of which lock is held just now.
supervisor = Supervisor(print)
signal.signal(signal.SIGALRM, lambda *_: supervisor.stop())
signal.setitimer(signal.ITIMER_REAL, 5e-5, 5e-5)
for _ in range(20_000):
    supervisor.watch()
    assert supervisor.stopping
    earlier, supervisor = supervisor, Supervisor(print)
    for name in ("_woken", "_waker"):
        os.close(getattr(earlier, name)) if hasattr(earlier, name) else None
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_signal_in_the_middle_of_waiting_ends_it():
    # With an event of `threading` it hung for ever when the signal came while the event's lock was held.
    done = subprocess.run([sys.executable, "-c", PROGRAM], timeout=100, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
