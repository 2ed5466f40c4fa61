"""Set limits and become a program: `launch.py '{"RLIMIT_CPU": 60}' program arguments...`. Knows nothing of the hub.

Between the fork and the program, in a process with threads, nothing of Python may run: so it runs after it.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Become the program."""
    for name, value in json.loads(sys.argv[1]).items():
        kind = getattr(resource, name)
        _, most = resource.getrlimit(kind)
        limit = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (limit, limit))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - this is what it is for


if __name__ == "__main__":
    main()
