"""Rules for the template's own files."""

import re
import tomllib

import pytest

from evergreen.services import Render
from evergreen.working_tree import ROOT

TAG = re.compile(r"\{[%{#]")


def test_only_five_python_files_of_the_template_hold_a_tag() -> None:
    tagged = {
        str(path.relative_to(ROOT / "template"))
        for path in (ROOT / "template").rglob("*")
        if path.name.endswith((".py", ".py.jinja")) and TAG.search(path.read_text())
    }

    assert tagged == {
        "app/__init__.py.jinja",
        "app/db/engine.py.jinja",
        "app/main.py.jinja",
        "migrations/database.py.jinja",
        "tests/plugins/databases.py.jinja",
    }


@pytest.mark.parametrize(
    ("path", "folder"),
    [("app/db/engine.py", "engine"), ("tests/plugins/databases.py", "test_databases")],
)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_module_that_differs_by_database_is_a_plain_file_included_as_it_is(
    render: Render, database: str, path: str, folder: str
) -> None:
    rendered = (render(database=database) / path).read_text()

    assert rendered == (ROOT / "includes" / folder / f"{database}.py").read_text()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_slug_cannot_be_the_name_of_a_direct_dependency(render: Render, database: str) -> None:
    project = tomllib.loads((render(database=database) / "pyproject.toml").read_text())
    requirements = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    source = (ROOT / "includes/slug.jinja").read_text()

    for requirement in requirements:
        name = re.split(r"[\[>]", requirement)[0]
        assert re.search(rf"\s{name}\s", source), f"{name} is missing in includes/slug.jinja"
