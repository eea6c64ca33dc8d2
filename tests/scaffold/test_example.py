"""The example of the template is what scaffold/ makes, apart from what beyond.toml lists."""

import sqlite3
import subprocess
import tomllib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import copier
import pytest

from evergreen.releases import commit_all
from evergreen.rendering import files_of
from evergreen.scaffold import read, render_slice, run_new_resource
from evergreen.working_tree import ROOT

COMMAND = ("task", "title:str:1..200", "done:bool:default=false")
EXAMPLE = ROOT / "template"
FILES = [
    "app/tasks/__init__.py",
    "app/tasks/models.py",
    "app/tasks/routes.py",
    "app/tasks/schemas.py",
    "app/tasks/service.py",
    "tests/services/test_tasks_service.py",
    "tests/test_tasks.py",
]
MAX_LINES_BEYOND = 16
"""It may only shrink: what a slice needs belongs into scaffold/, and what it doesn't, nowhere."""


@dataclass(frozen=True)
class Beyond:
    """Lines that only the example has, and those that a slice has in their place."""

    file: str
    why: str
    example: str
    scaffold: str = ""


BEYOND = [
    Beyond(**entry)
    for entry in tomllib.loads(Path(__file__).with_name("beyond.toml").read_text())["beyond"]
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files_of(render_slice(read(COMMAND), tmp_path_factory.mktemp("slice")))


def test_the_scaffold_makes_the_files_of_the_example(rendered: dict[str, bytes]) -> None:
    assert sorted(rendered) == FILES


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_the_example_is_what_the_scaffold_makes(
    rendered: dict[str, bytes], path: str
) -> None:
    text = (EXAMPLE / path).read_text()
    for beyond in BEYOND:
        if beyond.file == path:
            assert text.count(beyond.example) == 1, f"{path} does not have: {beyond.example}"
            text = text.replace(beyond.example, beyond.scaffold)

    assert rendered[path].decode() == text


def test_what_the_example_has_beyond_only_shrinks() -> None:
    lines = sum(len(beyond.example.strip().splitlines()) for beyond in BEYOND)

    assert {beyond.file for beyond in BEYOND} <= set(FILES)
    assert lines == MAX_LINES_BEYOND


def test_the_migration_of_the_example_makes_the_schema_that_the_scaffold_makes(
    service: Path, template: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The file of the example is released, so it stays as it is."""
    without_example = tmp_path / "without example"
    answers = {"example": False}
    copier.run_copy(str(template), without_example, data=answers, defaults=True, quiet=True)
    commit_all(without_example)

    made = run_new_resource(without_example, [*COMMAND, "--no-tests-run"], variables)

    assert made.returncode == 0, made.stderr
    assert schema_of(without_example, variables) == schema_of(service, variables)


def schema_of(service: Path, variables: dict[str, str]) -> dict[str, str]:
    """The statements that would make the tables and indexes anew, by their names."""
    command = ["uv", "run", "--quiet", "alembic", "upgrade", "head"]
    subprocess.run(command, cwd=service, env=variables, check=True, capture_output=True)
    with closing(sqlite3.connect(service / "service.db")) as connection:
        schema = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql <> ''"))
    assert {"tasks", "ix_tasks_owner_id_created_at_id"} <= schema.keys()
    return schema
