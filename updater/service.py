"""The service in whose folder the updater runs: its answers, its repository, a second tree of it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from updater.processes import GIT, run, started

ANSWERS = ".copier-answers.yml"
LOCK = "uv.lock"
SERVICE = Path.cwd()


def recorded(name: str) -> str:
    found = re.search(rf"(?m)^{name}: ['\"]?(.*?)['\"]?$", (SERVICE / ANSWERS).read_text("utf-8"))
    return found[1] if found else sys.exit(f"There is no {name} in {ANSWERS}.")


def git(*arguments: str, folder: Path = SERVICE) -> str:
    return run(*GIT, *arguments, folder=folder)


def head_of(folder: Path) -> str:
    return git("rev-parse", "HEAD", folder=folder).strip()


def changed_paths(*arguments: str, folder: Path = SERVICE) -> list[str]:
    return git("diff", "--name-only", "-z", *arguments, folder=folder).split("\0")[:-1]


def refuse_another_repository() -> None:
    top = git("rev-parse", "--show-toplevel").strip()
    if Path(top).resolve() != SERVICE.resolve():
        sys.exit(f"The git repository is {top}, and this works only where it is the service's own.")


@contextmanager
def second_working_tree() -> Iterator[Path]:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / SERVICE.resolve().name
        try:
            git("worktree", "add", "--quiet", "--detach", str(tree))
            yield tree
        finally:
            # Unchecked: there is none if git was stopped before it had made one.
            remove = [*GIT, "worktree", "remove", "--force", str(tree)]
            subprocess.run(remove, cwd=SERVICE, capture_output=True)


@contextmanager
def uv_run(*command: str, folder: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Runs it in the second working tree, with the versions that the service has.

    The tree has an environment of its own.
    """
    if (SERVICE / LOCK).is_file():
        shutil.copyfile(SERVICE / LOCK, folder / LOCK)
    in_use = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")  # by the service as it is
    own = {name: value for name, value in os.environ.items() if name not in in_use}
    with started("uv", "run", "--quiet", *command, folder=folder, env=own, **options) as process:
        yield process
