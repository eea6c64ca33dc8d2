"""Nothing that a released service has is renamed or taken away without a word."""

import itertools
import re
from pathlib import Path

import pytest

from evergreen.questions import offered_in, questions_in
from evergreen.releases import TIP, find_releases, git

HEADING = "## Renamed and removed"


def paths_of(template: Path, version: str) -> set[str]:
    """As a service has them."""
    listed = git("ls-tree", "-r", "--name-only", version, "template", cwd=template).splitlines()
    return {path.removeprefix("template/").removesuffix(".jinja") for path in listed}


def answers_of(template: Path, version: str) -> set[str]:
    """The questions, and each value that is offered."""
    configuration = git("show", f"{version}:copier.yml", cwd=template)
    values = offered_in(configuration).items()
    return set(questions_in(configuration)) | {
        f"{name}={value}" for name, offered in values for value in offered
    }


def taken_away(template: Path) -> set[str]:
    """What some release has and the next one, or the tip, has not."""
    versions = [*find_releases(template), TIP]
    gone: set[str] = set()
    for older, newer in itertools.pairwise(versions):
        gone |= paths_of(template, older) - paths_of(template, newer)
        gone |= answers_of(template, older) - answers_of(template, newer)
    return gone


def listed(template: Path) -> set[str]:
    """The first column of the table in the changelog."""
    changelog = git("show", f"{TIP}:CHANGELOG.md", cwd=template)
    table = changelog.partition(f"{HEADING}\n")[2]
    return set(re.findall(r"(?m)^\| `([^`]+)` \|", table))


def test_what_is_renamed_or_removed_is_listed_in_the_changelog(template: Path) -> None:
    assert HEADING in git("show", f"{TIP}:CHANGELOG.md", cwd=template)
    assert taken_away(template) == listed(template)


@pytest.mark.parametrize(
    ("name", "old", "new", "gone"),
    [
        ("copier.yml", "coverage_threshold:", "threshold:", "coverage_threshold"),
        ("copier.yml", "(a file; for a service on one machine): sqlite", ": sqlite3", None),
        ("template/app/logs.py", None, None, "app/logs.py"),
    ],
)
def test_what_is_not_listed_is_noticed(
    own_template: Path, name: str, old: str | None, new: str | None, gone: str | None
) -> None:
    file = own_template / name
    if old is None or new is None:
        file.unlink()
    else:
        file.write_text(
            file.read_text().replace(old, new).replace("default: sqlite", "default: sqlite3")
        )
    git("add", "--all", cwd=own_template)
    git("commit", "--quiet", "--message=Take something away", cwd=own_template)
    git("tag", "--force", TIP, cwd=own_template)

    assert (gone or "database=sqlite") in taken_away(own_template) - listed(own_template)
