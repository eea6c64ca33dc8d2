"""Proves services in the namespaces of the engine: python -m tools.image.inside FOLDER NAME."""

import sys
from pathlib import Path

from rich.console import Console

from tools.image.base_images import load
from tools.image.engine import engine, wait_for_network
from tools.image.proof import prove


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    wait_for_network()
    console = Console()
    services = {path.name: path for path in sorted((folder / "services").iterdir(), reverse=True)}
    with engine(folder, name) as environment:
        console.print("The engine runs; it loads stand-ins for the base images.")
        load(folder / "trixie.tar", folder / "images", environment)
        passed = prove(services, environment, console)
    sys.exit(not passed)


if __name__ == "__main__":
    main()
