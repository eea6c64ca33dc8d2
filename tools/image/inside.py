"""Proves services in the namespaces of the engine: python -m tools.image.inside FOLDER WHAT."""

import sys
from pathlib import Path

from rich.console import Console

from tools.image.base_images import load
from tools.image.controls import prove_controls
from tools.image.engine import engine, wait_for_network
from tools.image.proof import prove

PROOFS = {"services": prove, "controls": prove_controls}


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    wait_for_network()
    console = Console()
    services = {path.name: path for path in sorted((folder / "services").iterdir(), reverse=True)}
    with engine(folder) as environment:
        console.print("The engine has started. It loads stand-ins for the base images.")
        load(folder / "trixie.tar", folder / "images", environment)
        passed = PROOFS[what](services, environment, console)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
