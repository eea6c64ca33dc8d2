"""A service: its answers, its place in a git repository, and a second working tree of it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from updater.processes import GIT, run

ANSWERS = ".copier-answers.yml"
LOCK = "uv.lock"
ALL_FILES = ("-c", "core.sparseCheckout=false")
"""For a second working tree: whatever the first one hides, it has all files."""


@dataclass(frozen=True)
class Service:
    """A service in a folder, which is a git repository or lies anywhere in one."""

    folder: Path
    answers_file: str = ANSWERS
    options: tuple[str, ...] = ()
    """Those of every call of git."""

    def git(self, *arguments: str) -> str:
        return run(*GIT, *self.options, *arguments, folder=self.folder)

    @cached_property
    def top(self) -> Path:
        """The folder of the repository."""
        return Path(self.git("rev-parse", "--show-toplevel").removesuffix("\n"))

    @cached_property
    def prefix(self) -> str:
        """The path of the service in the repository, such as services/a/, or nothing."""
        return self.git("rev-parse", "--show-prefix").removesuffix("\n")

    @property
    def answers(self) -> str:
        return (self.folder / self.answers_file).read_text("utf-8")

    @property
    def committed_answers(self) -> str:
        """As git keeps them, which may have other line ends than the file."""
        return self.git("cat-file", "blob", f"HEAD:./{self.answers_file}")

    def recorded(self, name: str) -> str:
        found = re.search(rf"(?m)^{name}: ['\"]?(.*?)['\"]?$", self.answers)
        return found[1] if found else sys.exit(f"There is no {name} in {self.answers_file}.")

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    @property
    def branch(self) -> str:
        """The one that is checked out, or nothing."""
        return self.git("branch", "--show-current").strip()

    def changed_paths(self, *arguments: str) -> list[str]:
        """Those that `git diff` lists with these arguments, relative to the service."""
        return self.git("diff", "--name-only", "--relative", "-z", *arguments).split("\0")[:-1]

    def statuses(self, *arguments: str) -> dict[str, str]:
        """The two letters of `git status` for each path, relative to the repository."""
        printed = self.git("status", "--porcelain", "--no-renames", "-z", *arguments)
        return {entry[3:]: entry[:2] for entry in printed.split("\0") if entry}

    def is_ours(self, path: str) -> bool:
        """Whether the team has taken the file over, as its pyproject.toml says."""
        return any(fnmatch(path, pattern) for pattern in self.ours)

    @cached_property
    def ours(self) -> list[str]:
        project = self.folder / "pyproject.toml"
        try:
            tools = tomllib.loads(project.read_text("utf-8")).get("tool", {})
        except (OSError, tomllib.TOMLDecodeError):
            return []
        patterns = tools.get("template", {}).get("ours", [])
        if not isinstance(patterns, list) or not all(isinstance(path, str) for path in patterns):
            sys.exit(
                f"[tool.template] in pyproject.toml has ours = {patterns!r}: "
                'write a list of paths, such as ours = ["README.md"].'
            )
        return patterns


@contextmanager
def second_working_tree(service: Service) -> Iterator[Service]:
    """Gives the service as it is committed, in a working tree of its own."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / service.top.resolve().name
        # Large files are not needed.
        os.environ["GIT_LFS_SKIP_SMUDGE"] = "1"
        second = Service(tree / service.prefix, service.answers_file, ALL_FILES)
        try:
            service.git(*ALL_FILES, "worktree", "add", "--detach", str(tree))
            copy_lock(service, second)
            yield second
        finally:
            # Unchecked: there is none if git was stopped before it had made one.
            remove = [*GIT, "worktree", "remove", "--force", str(tree)]
            subprocess.run(remove, cwd=service.folder, capture_output=True)


def copy_lock(service: Service, second: Service) -> None:
    """The second working tree gets the versions that the service has, even uncommitted ones."""
    if (service.folder / LOCK).is_file():
        shutil.copyfile(service.folder / LOCK, second.folder / LOCK)
