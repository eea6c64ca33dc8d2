"""What holds for the template's own files, whatever is answered."""

import re
import tomllib

import pytest

from evergreen.services import Render
from evergreen.working_tree import ROOT


def test_at_most_three_python_files_of_the_template_hold_a_tag() -> None:
    tagged = {
        path.name
        for path in (ROOT / "template").rglob("*")
        if path.name.endswith((".py", ".py.jinja")) and re.search(r"\{%|\{\{", path.read_text())
    }

    assert tagged == {"main.py.jinja", "engine.py.jinja", "database.py.jinja"}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_slug_is_the_name_of_a_direct_dependency(render: Render, database: str) -> None:
    project = tomllib.loads((render(database=database) / "pyproject.toml").read_text())
    requirements = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    source = (ROOT / "includes/slug.jinja").read_text()

    for requirement in requirements:
        name = re.split(r"[\[>]", requirement)[0]
        assert re.search(rf"\s{name}\s", source), f"{name} is missing in includes/slug.jinja"
