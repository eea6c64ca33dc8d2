"""Runs the tests of a service in the second working tree."""

from updater.processes import uv_run
from updater.service import Service, copy_lock

PASS = "Its tests pass."
FAIL = "Its tests fail; before the update, they pass."
FAILED_BEFORE = (
    "Its tests fail, and did so before the update, too "
    "(in a fresh checkout, without the files that git ignores)."
)
NOT_RUN = "Its tests were not run."


def suite_passes(tree: Service) -> bool:
    with uv_run("pytest", "-q", folder=tree.folder) as suite:
        return suite.wait() == 0


def passed_before(service: Service, tree: Service, base: str) -> bool:
    print("Its tests fail. Do they before the update?", flush=True)
    tree.git("checkout", "--force", "--detach", base)
    copy_lock(service, tree)
    return suite_passes(tree)
