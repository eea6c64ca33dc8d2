"""Runs the tests of a service in the second working tree."""

import os
import shutil

from updater.processes import started
from updater.service import LOCK, Service

PASS = "Its tests pass."
FAIL = "Its tests fail; before the update, they pass."
FAILED_BEFORE = (
    "Its tests fail, and did so before the update, too "
    "(in a fresh checkout, without the files that git ignores)."
)
NOT_RUN = "Its tests were not run."


def suite_passes(service: Service, tree: Service) -> bool:
    """Runs the tests with the versions that the service has, in an environment of their own."""
    if (service.folder / LOCK).is_file():
        shutil.copyfile(service.folder / LOCK, tree.folder / LOCK)
    in_use = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")  # by the service as it is
    own = {name: value for name, value in os.environ.items() if name not in in_use}
    with started("uv", "run", "--quiet", "pytest", "-q", folder=tree.folder, env=own) as suite:
        return suite.wait() == 0


def passed_before(service: Service, tree: Service, base: str) -> bool:
    print("Its tests fail. Do they before the update?", flush=True)
    tree.git("checkout", "--quiet", "--force", "--detach", base)
    return suite_passes(service, tree)
