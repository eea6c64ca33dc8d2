"""Rules for the template's own files."""

import ast
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from evergreen.rendering import files_of
from evergreen.services import Render
from evergreen.static_checks import links_resolve
from evergreen.working_tree import ROOT, copied_working_tree

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


def test_the_pages_of_the_repository_link_to_files_that_exist() -> None:
    with copied_working_tree(ROOT) as folder:
        # Those of a service are checked when they are rendered.
        broken = [
            finding
            for finding in links_resolve(folder, {})
            if not finding.file.startswith(("template/", "tests/"))
            and finding.message.startswith("links to")
        ]

    assert broken == [], "Correct the link, or bring the file back."


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("page", "line"), [("docs/production.md", "| `{}` |"), (".env.example", "{}=")]
)
def test_each_setting_is_listed(render: Render, database: str, page: str, line: str) -> None:
    service = render(database=database)
    settings = [
        statement.target.id.upper()
        for module in ("app/settings.py", "app/db/engine.py")
        for definition in ast.walk(ast.parse((service / module).read_text()))
        if isinstance(definition, ast.ClassDef)
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    listed = (service / page).read_text()

    assert "SECRET_KEY" in settings
    assert "DATABASE_URL" in settings
    assert [name for name in settings if line.format(name) not in listed] == []


# What comes only with an answer, said a second time: a path that is missing in `_exclude` of
# copier.yml would otherwise be in each service, and no suite would notice it.
ONLY_WITH = {
    "database=sqlite": {"tests/integration/test_sqlite.py"},
    "database=postgresql": {
        "docs/postgresql.md",
        "embedded_postgresql.py",
        "tests/integration/test_concurrent_tasks.py",
        "tests/integration/test_postgresql.py",
    },
    "example=true": {
        "app/tasks/__init__.py",
        "app/tasks/models.py",
        "app/tasks/routes.py",
        "app/tasks/schemas.py",
        "app/tasks/service.py",
        "migrations/versions/0002_tasks.py",
        "tests/services/test_tasks_service.py",
        "tests/test_task_schemas.py",
        "tests/test_tasks.py",
    },
    "example=false": set(),
    "container=true": {".dockerignore", "Dockerfile", "compose.yaml"},
    "container=false": set(),
    "ci=github": {
        ".github/dependabot.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/template-update.yml",
    },
    "ci=none": set(),
}


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ("database=sqlite", "database=postgresql"),
        ("database=postgresql", "database=sqlite"),
        ("example=true", "example=false"),
        ("example=false", "example=true"),
        ("container=true", "container=false"),
        ("container=false", "container=true"),
        ("ci=github", "ci=none"),
        ("ci=none", "ci=github"),
    ],
)
def test_the_files_of_a_feature_come_only_with_it(
    render: Render, tmp_path: Path, answer: str, other: str
) -> None:
    name, _, value = answer.partition("=")
    with_answer = files_of(render(**{name: value}))
    shutil.rmtree(tmp_path / "service")
    without = files_of(render(**{name: other.partition("=")[2]}))

    assert with_answer.keys() - without.keys() == ONLY_WITH[answer], (
        f"Either `_exclude` in copier.yml or this table does not know a file of {answer}."
    )
