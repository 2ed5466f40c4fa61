"""`python -m worksphere_hub.sandbox`: the sandbox, without the rest of the command line."""

import argparse
import asyncio
from pathlib import Path

from worksphere_hub.sandbox.app import Sandbox
from worksphere_hub.sandbox.errors import SandboxRefusal
from worksphere_hub.sandbox.seeds import read_seed
from worksphere_hub.sandbox.serve import Binding, Service, serve


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="worksphere-hub sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4100)
    parser.add_argument("--seed", type=Path)
    parser.add_argument("--split", action="store_true", help="one more port for each provider")
    wanted = parser.parse_args()
    try:
        sandbox = Sandbox(read_seed(wanted.seed) if wanted.seed else None)
    except SandboxRefusal as refusal:
        parser.error(str(refusal))
    service = Service(sandbox, Binding(wanted.host, wanted.port, wanted.split))
    for name, url in service.urls.items():
        print(f"{name:11}{url}", flush=True)  # noqa: T201 - this is the command line
    asyncio.run(serve(service))


if __name__ == "__main__":
    main()
