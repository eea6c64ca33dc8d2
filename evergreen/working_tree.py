"""Copies the working tree of the template, so that Copier can render it without its history."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def copy_working_tree(repository: Path, folder: Path) -> None:
    """Copies the files of a repository, untracked ones included, ignored ones left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, folder / name)


@contextmanager
def copied_working_tree(repository: Path) -> Iterator[Path]:
    """Yields such a copy in a temporary folder; as it has no `.git`, Copier renders it as it is."""
    with tempfile.TemporaryDirectory() as folder:
        copy_working_tree(repository, Path(folder))
        yield Path(folder)
