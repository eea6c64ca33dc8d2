"""The files of a team that use names which the template has moved are named after an update."""

import re
from pathlib import Path

import pytest

from evergreen.edits import append, replace, write
from evergreen.names import module_of, names_in
from evergreen.releases import (
    TIP,
    commit_all,
    copy_of_release,
    find_releases,
    fresh_files,
    git,
    release,
)
from evergreen.working_tree import ROOT
from tests.updater.task_runs import run_task
from updater.moved_names import Move, moves_between, uses_in
from updater.versions import is_older

OURS = """\
import app.old.deep as deep
from app import old
from app.old import thing as ours, other
from app.older import thing
from tests.helpers import former
from .old import thing
from ..old import thing
pytest_plugins = ["tests.plugin", "app.old"]


@pytest.fixture
def ours(old_fixture: str, *, app: FastAPI) -> str: ...


async def test_ours(ours: str, old_fixture: str) -> None:
    monkeypatch.setattr("app.old.thing", 5)
    old_fixture = "app.older"


@pytest.mark.usefixtures("old_fixture")
def helper(old_fixture: str) -> None: ...
"""
MOVES = [
    Move("app.old", "app.new", "2.0.0", is_fixture=False),
    Move("tests.helpers.former", "tests.helpers.present", "2.0.0", is_fixture=False),
    Move("old_fixture", "new_fixture", "2.0.0", is_fixture=True),
]


def lines_of(source: str, path: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line, move in uses_in(source, path, MOVES):
        found.setdefault(move.old, []).append(line)
    return found


def test_imports_strings_and_parameters_are_found() -> None:
    assert lines_of(OURS, "app/slice/routes.py") == {
        "app.old": [1, 2, 3, 7, 8, 16],
        "tests.helpers.former": [5],
        "old_fixture": [12, 15, 20],
    }


def test_relative_imports_are_found_from_where_they_are() -> None:
    assert lines_of("from .old import thing\n", "app/routes.py") == {"app.old": [1]}
    assert lines_of("from . import old\n", "app/__init__.py") == {"app.old": [1]}


def test_the_name_of_a_thing_is_found_before_that_of_its_module() -> None:
    thing = Move("app.old.thing", "app.things.thing", "2.0.0", is_fixture=False)

    assert uses_in("from app.old import thing\n", "app/ours.py", [thing, *MOVES]) == [(1, thing)]


@pytest.mark.parametrize("indent", ["", "    "])
def test_a_file_with_a_conflict_is_read_without_its_markers(indent: str) -> None:
    ours, theirs = f"{indent}from app.old import ours\n", f"{indent}import app.new\n"
    conflict = f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> 1a2b\n"

    assert lines_of(f"if True:\n    pass\n{conflict}", "app/ours.py") == {"app.old": [4]}


@pytest.mark.parametrize("source", ["from app.old import (\n", "\0", f"{'(' * 5000}\n"])
def test_a_file_that_is_not_python_is_passed_over(source: str) -> None:
    assert lines_of(source, "app/ours.py") == {}


def test_what_python_warns_of_in_a_file_is_not_printed() -> None:
    assert lines_of('import app.old\n"\\d"\n', "app/ours.py") == {"app.old": [1]}


# ── The table ────────────────────────────────────────────────────────────────


def test_only_the_moves_of_the_releases_between_are_looked_for() -> None:
    assert {move.since for move in moves_between("0.2.0", "0.3.0")} == {"0.3.0"}
    assert moves_between("0.3.0", "0.3.0") == []
    assert moves_between("0.4.0", "0.5.0") == []
    assert moves_between("0.2.0", TIP) == sorted(
        moves_between("0.1.0", TIP), key=lambda move: -len(move.old)
    )


def test_a_move_is_of_a_release_or_of_the_next_one() -> None:
    released = list(find_releases(ROOT))

    for move in moves_between("0.0.0", TIP):
        assert move.since in released or is_older(released[-1], move.since), move


@pytest.fixture(scope="module")
def names_of_the_tip(template: Path) -> set[str]:
    names: set[str] = set()
    for database in ("sqlite", "postgresql"):
        files = fresh_files(template, TIP, {"database": database})
        names |= names_in(files) | {module_of(path) for path in files if path.endswith(".py")}
    return names


def test_the_table_lists_what_the_changelog_says_has_moved(names_of_the_tip: set[str]) -> None:
    listed = {
        f"fixture {move.old}" if move.is_fixture else move.old
        for move in moves_between("0.0.0", TIP)
    }
    rows = re.findall(r"(?m)^\| (`.*`) \| .* \| (.*) \|$", (ROOT / "CHANGELOG.md").read_text())
    moved = {
        module_of(name)
        for names, new in rows
        if not new.startswith("nothing")
        for name in re.findall(r"`(fixture \w+|\w+(?:\.\w+)+|\w+(?:/\w+)*\.py)`", names)
    }

    assert listed == moved - names_of_the_tip


def test_no_file_of_the_template_uses_a_name_that_has_moved(template: Path) -> None:
    moves = moves_between("0.0.0", TIP)
    for database in ("sqlite", "postgresql"):
        for path, content in fresh_files(template, TIP, {"database": database}).items():
            if path.endswith(".py"):
                assert uses_in(content.decode(), path, moves) == [], path


def test_what_takes_the_place_of_a_name_exists(names_of_the_tip: set[str]) -> None:
    for move in moves_between("0.0.0", TIP):
        if move.new.startswith(("app.", "tests.")) and move.new != "app.dependency_overrides":
            assert move.new in names_of_the_tip, move


# ── An update ────────────────────────────────────────────────────────────────


def release_with_moves(template: Path) -> None:
    """A release that moves a module, which breaks whoever imports it, and renames a fixture."""
    git("mv", "template/tests/client.py", "template/tests/http_client.py", cwd=template)
    for file in (template / "template/tests").rglob("*.py"):
        text = file.read_text().replace("tests.client", "tests.http_client")
        file.write_text(text.replace("anonymous_client", "client_of_nobody"))
    write(
        template / "updater/moved_names.toml",
        'imports = [{ old = "tests.client", new = "tests.http_client", since = "10000.0.0" }]\n'
        "fixtures = [\n"
        '    { old = "anonymous_client", new = "client_of_nobody", since = "10000.0.0" },\n'
        '    { old = "fake_user", new = "user", since = "9999.0.0" },\n'
        "]\n",
    )
    release(template, "10000.0.0")


TEST = """\
from tests.client import AsyncClient


async def test_ours(anonymous_client: AsyncClient, fake_user: object) -> None: ...
"""
NAMED = """
These files use names that have moved:
    tests/test_health.py:20: anonymous_client is now client_of_nobody
    tests/test_ours.py:1: tests.client is now tests.http_client
    tests/test_ours.py:4: anonymous_client is now client_of_nobody
"""


@pytest.fixture
def service_with_old_names(own_template: Path, tmp_path: Path) -> Path:
    service = copy_of_release(own_template, TIP, {}, tmp_path / "service")
    write(service / "tests/test_ours.py", TEST)
    health = service / "tests/test_health.py"
    append(health, "\n\ndef test_more(anonymous_client: AsyncClient) -> None: ...\n")
    commit_all(service)
    release_with_moves(own_template)
    return service


@pytest.mark.usefixtures("installed_before")
def test_an_update_names_the_files_of_the_team_that_use_old_names(
    service_with_old_names: Path,
) -> None:
    result = run_task(service_with_old_names, "update")

    line = (service_with_old_names / "tests/test_health.py").read_text().count("\n")
    named = NAMED.replace("test_health.py:20", f"test_health.py:{line}")
    assert f"{named}\nThe update is a commit on the branch" in result.stdout
    assert result.stderr == (
        "Its tests fail; before the update, they pass. To fix them: git switch template-10000.0.0\n"
    )


@pytest.mark.usefixtures("quick_update")
def test_an_update_with_a_conflict_names_them_too(
    own_template: Path, service_with_old_names: Path
) -> None:
    replace(service_with_old_names / "tests/client.py", "from httpx import", "from httpx2 import")
    commit_all(service_with_old_names)
    replace(
        own_template / "template/tests/http_client.py", "from httpx import", "from httpx3 import"
    )
    release(own_template, "10001.0.0")

    result = run_task(service_with_old_names, "update")

    assert "with conflicts:\n    tests/http_client.py" in result.stderr
    assert "\n\nThese files use names that have moved:\n" in result.stdout
    assert NAMED.splitlines()[-2] in result.stdout
