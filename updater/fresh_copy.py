"""Commits a fresh copy of the template in the second working tree."""

import os
from pathlib import Path

from updater.processes import run
from updater.service import ANSWERS, git, head_of

COPIER = ("uvx", "--quiet", "--from", "copier>=9.19,<10", "copier")
AS_RECORDED = ("--vcs-ref=:current:", f"--exclude={ANSWERS}")


def commit_fresh_copy(tree: Path, message: str, *options: str) -> str:
    """Returns a commit that contains only what the template gives with the committed answers."""
    git("rm", "--quiet", "--force", "-r", ".", folder=tree)
    git("checkout", "--quiet", "HEAD", "--", ANSWERS, folder=tree)
    # What Copier leaves in its temporary folder when it is stopped goes with the second tree.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tree.parent))
    recopy = (*COPIER, "recopy", "--quiet", "--defaults", "--overwrite", *options)
    run(*recopy, folder=tree, environment=environment)
    git("add", "--all", "--force", folder=tree)
    git("commit", "--quiet", "--no-gpg-sign", "--allow-empty", "-m", message, folder=tree)
    return head_of(tree)
