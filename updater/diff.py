"""`poe template-diff`: what differs from a fresh copy of the same release?"""

import subprocess

from updater.fresh_copy import AS_RECORDED, commit_fresh_copy
from updater.service import (
    LOCK,
    SERVICE,
    changed_paths,
    refuse_another_repository,
    second_working_tree,
)


def print_drift() -> None:
    refuse_another_repository()
    with second_working_tree() as tree:
        fresh = commit_fresh_copy(tree, "A fresh copy", *AS_RECORDED)
    if changed_paths("--diff-filter=a", fresh):
        subprocess.run(["git", "diff", "--diff-filter=a", fresh], cwd=SERVICE)
    else:
        print("Each file of the template is as in a fresh copy.")
    own = [path for path in changed_paths("--diff-filter=A", fresh) if path != LOCK]
    if own:
        print("\nFiles that only this service has:", *own, sep="\n    ")
