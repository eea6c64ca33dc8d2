"""The changelog lists everything that a release has taken from services or renamed in them."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from evergreen.names import module_of, names_in
from evergreen.questions import offered_in, questions_in
from evergreen.releases import TIP, find_releases, fresh_files, git
from evergreen.working_tree import ROOT

HEADING = "## Renamed and removed"


def paths_of(template: Path, version: str) -> set[str]:
    """As a service has them, with any answers."""
    listed = git("ls-tree", "-r", "--name-only", version, "template", cwd=template).splitlines()
    return {path.removeprefix("template/").removesuffix(".jinja") for path in listed}


def questions_and_values_of(template: Path, version: str) -> set[str]:
    configuration = git("show", f"{version}:copier.yml", cwd=template)
    values = offered_in(configuration).items()
    return set(questions_in(configuration)) | {
        f"{name}={value}" for name, offered in values for value in offered
    }


def names_of(template: Path, version: str) -> set[str]:
    configuration = git("show", f"{version}:copier.yml", cwd=template)
    return {
        name
        for database in offered_in(configuration)["database"]
        for name in names_in(fresh_files(template, version, {"database": database}))
    }


def taken_away(template: Path, versions: list[str]) -> set[str]:
    """The paths, names, questions and values of a version that the one after it lacks.

    The names of a module go with its path.
    """
    gone: set[str] = set()
    for older, newer in itertools.pairwise(versions):
        paths = paths_of(template, older) - paths_of(template, newer)
        modules = {module_of(path) for path in paths}
        names = names_of(template, older) - names_of(template, newer)
        gone |= paths | {name for name in names if name.rpartition(".")[0] not in modules}
        gone |= questions_and_values_of(template, older) - questions_and_values_of(template, newer)
    return gone


def rows_of_the_table(template: Path) -> Iterator[str]:
    """The first column of the table in the changelog."""
    changelog = git("show", f"{TIP}:CHANGELOG.md", cwd=template)
    table = changelog.partition(f"{HEADING}\n")[2]
    for cell in re.findall(r"(?m)^\| (`[^|]+`) \|", table):
        yield from re.findall(r"`([^`]+)`", cell)


def test_the_changelog_lists_what_was_renamed_or_removed(template: Path) -> None:
    gone = taken_away(template, [*find_releases(template), TIP])

    assert sorted(gone) == sorted(rows_of_the_table(template)), (
        f'List it under "{HEADING}" in CHANGELOG.md, with what takes its place.'
    )


def test_the_updater_knows_every_moved_name_of_the_newest_release(template: Path) -> None:
    tables = tomllib.loads((ROOT / "updater/moved_names.toml").read_text())
    moved = {row["old"] for row in tables["imports"]}
    moved |= {f"fixture {row['old']}" for row in tables["fixtures"]}
    newest = list(find_releases(template))[-1]

    gone = taken_away(template, [newest, TIP])

    assert {module_of(name) if name.endswith(".py") else name for name in gone} <= moved


RENAMES = {
    "coverage_threshold": ("coverage_threshold", "threshold"),
    "container=True": (
        "type: bool\n  default: true\n  help: Add a Docker",
        "choices: [yes please]\n  default: yes please\n  help: Add a Docker",
    ),
    "fixture anonymous_client": ("def anonymous_client", "def anyone"),
    "task cov": ("\ncov = ", "\ncoverage = "),
    "setting LOG_LEVEL": ("    log_level:", "    level:"),
    "app.errors.PROBLEM_RESPONSES": ("PROBLEM_RESPONSES", "RESPONSES"),
    "tests.database.NewSession": ("NewSession", "SessionFactory"),
}


def test_what_is_renamed_or_removed_and_not_listed_is_noticed(own_template: Path) -> None:
    (own_template / "template/app/logs.py").unlink()
    for path in own_template.rglob("*"):
        if path.suffix in {".py", ".jinja", ".yml"} and ".git" not in path.parts:
            for old, new in RENAMES.values():
                path.write_text(path.read_text().replace(old, new))
    git("commit", "--quiet", "--all", "--message=Take something away", cwd=own_template)
    git("tag", "--force", TIP, cwd=own_template)

    newest = list(find_releases(own_template))[-1]
    gone = taken_away(own_template, [newest, TIP])

    assert {"app/logs.py", *RENAMES} <= gone - set(rows_of_the_table(own_template))
