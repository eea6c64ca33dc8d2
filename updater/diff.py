"""`poe template-diff`: what differs from a fresh copy of the same release?"""

import subprocess

from updater.fresh_copy import base_copy, commit
from updater.processes import GIT
from updater.service import LOCK, Service
from updater.update import release_of


def print_drift(service: Service, base: str | None) -> None:
    copy = base_copy(service, release_of(service, base))
    fresh = commit(service, copy, "A fresh copy", service.head)
    if service.changed_paths("--diff-filter=a", fresh):
        command = [*GIT, "diff", "--relative", "--diff-filter=a", fresh]
        subprocess.run(command, cwd=service.folder)
    else:
        print("Each file of the template is as in a fresh copy.")
    added = service.changed_paths("--diff-filter=A", fresh)
    own = [path for path in added if path != LOCK]
    if own:
        print("\nFiles that only this service has:", *own, sep="\n    ")
    taken_over = [path for path in sorted(copy) if service.is_ours(path)]
    if taken_over:
        print("\nFiles that updates leave to you:", *taken_over, sep="\n    ")
