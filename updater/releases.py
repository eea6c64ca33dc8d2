"""The releases of the template, in the clone in which the updater lies."""

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from updater.processes import GIT, run
from updater.versions import is_older, is_release, key_of

CLONE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Revision:
    """A release of the template, or any other commit of it."""

    name: str
    """The version, or what `git describe` says of the commit."""
    commit: str
    tag: str = ""


def git(*arguments: str) -> str:
    return run(*GIT, *arguments, folder=CLONE)


@cache
def releases() -> dict[str, str]:
    """The tag of each version that was not withdrawn, the oldest first. None is a candidate."""
    tags = {tag.lower().removeprefix("v"): tag for tag in git("tag", "--no-column").split()}
    found = [version for version in tags if is_release(version) and version not in yanked()]
    return {
        version: tags[version] for version in sorted(found, key=lambda name: key_of(name) or ())
    }


def newest_release() -> Revision:
    """The updater ends if there is none."""
    if not releases():
        sys.exit(
            "The template has no tags, and so no release to update to. --to BRANCH takes a branch."
        )
    version, tag = list(releases().items())[-1]
    return Revision(version, str(commit_of(f"refs/tags/{tag}")), tag)


@cache
def changelog() -> str:
    """That of the default branch, since it also knows what was withdrawn after its release."""
    for name in ("refs/remotes/origin/HEAD", "HEAD"):
        if commit_of(name) and git("ls-tree", name, "CHANGELOG.md"):
            return git("show", f"{name}:CHANGELOG.md")
    return ""


@cache
def yanked() -> set[str]:
    """The versions that the changelog marks as withdrawn, as Keep a Changelog does."""
    return set(re.findall(r"(?mi)^## \[?v?(\d[^\]\s]*)\]?.*\[YANKED\]", changelog()))


def news_since(ours: str, newest: str) -> list[str]:
    """The sections of the changelog that are about releases after ours, up to the newest one."""
    sections = []
    for section in re.split(r"(?m)^(?=## )", changelog())[1:]:
        version = re.match(r"## \[?v?(\d[^\]\s]*)", section)
        if version and not is_older(ours, version[1]):
            break
        if version and not is_older(newest, version[1]):
            sections.append(section)
    return sections


def find(name: str) -> Revision | None:
    """Finds a release, a candidate, a branch or a commit of the template."""
    version = name.lower().removeprefix("v")
    for tag in git("tag", "--no-column").split():
        if tag.lower().removeprefix("v") == version:
            return Revision(version, str(commit_of(f"refs/tags/{tag}")), tag)
    for revision in (f"refs/heads/{name}", f"refs/remotes/origin/{name}", f"{name}^0"):
        commit = commit_of(revision)
        if commit:
            description = git("describe", "--tags", "--always", commit).strip()
            return Revision(description.removeprefix("v"), commit)
    return None


def find_withdrawn(version: str) -> Revision | None:
    """Finds a release that has no tag any more: it added its heading to the changelog."""
    heading = rf"^## \[{re.escape(version)}\]"
    log = git("log", "--all", "--reverse", "--format=%H", f"-G{heading}", "--", "CHANGELOG.md")
    return Revision(version, log.split()[0]) if log else None


def commit_of(revision: str) -> str | None:
    command = [
        *GIT,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
    ]
    result = subprocess.run(command, cwd=CLONE, capture_output=True, text=True)
    return result.stdout.strip() or None
