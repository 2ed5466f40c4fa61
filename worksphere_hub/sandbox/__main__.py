"""`python -m worksphere_hub.sandbox`: the sandbox, without the rest of the command line."""

import argparse
from pathlib import Path

from worksphere_hub.sandbox.errors import SandboxRefusal
from worksphere_hub.sandbox.serve import Binding, serve


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m worksphere_hub.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4100)
    parser.add_argument("--seed", type=Path, help="what to start with: .json, .toml, or .yaml with PyYAML installed")
    parser.add_argument("--split", action="store_true", help="one more port for each provider")
    parser.add_argument("--certificate", type=Path, help="serve over TLS with this certificate (PEM)")
    parser.add_argument("--key", type=Path, help="the certificate's key (PEM)")
    wanted = parser.parse_args()
    binding = Binding(wanted.host, wanted.port, wanted.split, wanted.certificate, wanted.key)
    try:
        serve(wanted.seed, binding, lambda line: print(line, flush=True))  # noqa: T201 - this is a command line
    except SandboxRefusal as refusal:
        parser.error(str(refusal))


if __name__ == "__main__":
    main()
