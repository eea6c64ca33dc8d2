"""Finds the releases of the template in its history, and creates services from them."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import copier

from evergreen.questions import Answers
from evergreen.rendering import files_of
from evergreen.working_tree import copy_working_tree

TIP = "9999.0.0"
"""The version of the working tree, newer than all releases."""
ANONYMOUS_IDENTITY = {
    f"GIT_{role}_{attribute}": value
    for role in ("AUTHOR", "COMMITTER")
    for attribute, value in {"NAME": "Nobody", "EMAIL": "nobody@example.com"}.items()
}
"""Environment variables for git, which Copier also needs where git has no user configured."""


def git(*arguments: str, cwd: Path) -> str:
    """Runs git with an anonymous identity, whatever this machine's configuration says.

    Raises `subprocess.CalledProcessError` if git fails.
    """
    command = ["git", "-c", "commit.gpgSign=false", *arguments]
    environment = os.environ | ANONYMOUS_IDENTITY
    return subprocess.run(
        command, cwd=cwd, env=environment, check=True, capture_output=True, text=True
    ).stdout


def commit_all(folder: Path, message: str = "All files") -> None:
    """Commits all files of a folder, which becomes a repository if it is not one yet."""
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--allow-empty", f"--message={message}", cwd=folder)


def release(template: Path, version: str) -> str:
    """Commits all files of a template and tags the commit as a release; returns the version."""
    commit_all(template)
    git("tag", version, cwd=template)
    return version


def find_releases(repository: Path) -> dict[str, str]:
    """Maps each version to the commit that added its heading to the changelog, the oldest first.

    Raises `ValueError` in a clone without the whole history.
    """
    if git("rev-parse", "--is-shallow-repository", cwd=repository).strip() != "false":
        raise ValueError(
            f"{repository} is a shallow clone, so the releases can't be found: "
            "run `git fetch --unshallow`."
        )
    commits = git("log", "--reverse", "--format=%H", "--", "CHANGELOG.md", cwd=repository).split()
    found: dict[str, str] = {}
    for commit in commits:
        changelog = git("show", f"{commit}:CHANGELOG.md", cwd=repository)
        headings = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
        for version in reversed(headings):
            found.setdefault(version, commit)
    return found


def clone_with_tags(repository: Path, clone: Path) -> Path:
    """Clones the repository and tags its releases in the clone."""
    git("clone", "--quiet", "--no-tags", str(repository), str(clone), cwd=repository)
    for version, commit in find_releases(repository).items():
        git("tag", version, commit, cwd=clone)
    return clone


def tagged_clone(repository: Path, clone: Path) -> Path:
    """Does the same, and adds the working tree as a release, `TIP`."""
    clone_with_tags(repository, clone)
    git("rm", "--quiet", "-r", ".", cwd=clone)
    copy_working_tree(repository, clone)
    release(clone, TIP)
    return clone


def copy_of_release(template: Path, version: str, answers: Answers, folder: Path) -> Path:
    """Commits the result of `copier copy`, which is rendered once and then copied."""
    shutil.copytree(_rendered_once(template, version, tuple(sorted(answers.items()))), folder)
    return folder


@cache
def _rendered_once(template: Path, version: str, answers: tuple[tuple[str, Any], ...]) -> Path:
    folder = template.parent / f"{version} {abs(hash(answers))}"
    copier.run_copy(
        str(template), folder, data=dict(answers), defaults=True, quiet=True, vcs_ref=version
    )
    commit_all(folder)
    return folder


def fresh_files(template: Path, version: str, answers: Answers) -> dict[str, bytes]:
    """Returns the files of an unedited copy."""
    return files_of(_rendered_once(template, version, tuple(sorted(answers.items()))))


def update(service: Path, version: str, **answers: object) -> None:
    """Updates a committed service to a version of its template, with these answers changed.

    Like `copier update`, it leaves conflicts in the files and raises nothing.
    """
    copier.run_update(
        service, data=answers, defaults=True, quiet=True, overwrite=True, vcs_ref=version
    )


def conflicts(service: Path) -> list[str]:
    """Lists the files that an update left unmerged: in the index, by marker, or as `.rej` files."""
    unmerged = set(git("diff", "--name-only", "--diff-filter=U", cwd=service).split("\n"))
    for path, content in files_of(service).items():
        if b"\n<<<<<<< before updating" in b"\n" + content or path.endswith(".rej"):
            unmerged.add(path)
    return sorted(unmerged - {""})
