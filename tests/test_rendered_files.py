"""What each service is made of, for every combination of the answers that change its files."""

import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Render

FEATURES: dict[str, list[object]] = {
    "database": ["sqlite", "postgresql"],
    "example": [True, False],
    "container": [True, False],
    "ci": ["github", "none"],
    "python_min": ["3.11", "3.14"],
}
COMBINATIONS = [
    dict(zip(FEATURES, values, strict=True)) for values in itertools.product(*FEATURES.values())
]


@pytest.fixture(
    params=COMBINATIONS,
    ids=[" ".join(f"{name}={value}" for name, value in each.items()) for each in COMBINATIONS],
)
def service(request: pytest.FixtureRequest, render: Render) -> Path:
    return render(**request.param)


def text_files(service: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(service.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(service)), path.read_text()


def tool(name: str, *arguments: str, cwd: Path) -> None:
    """Runs a program that is installed beside this Python; fails with what it prints."""
    program = Path(sys.executable).with_name(name)
    result = subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_file_is_clean(service: Path) -> None:
    for name, text in text_files(service):
        if name.endswith("__init__.py") and not text:
            continue
        assert text.endswith("\n"), f"{name} does not end in a newline"
        assert not text.endswith("\n\n"), f"{name} ends in an empty line"
        assert not text.startswith("\n"), f"{name} begins with an empty line"
        assert "\n\n\n\n" not in text, f"{name} has three empty lines in a row"
        if not name.endswith((".py", ".mako")):
            prose = re.sub(r"(?s)^```python\n.*?^```", "code", text, flags=re.MULTILINE)
            assert "\n\n\n" not in prose, f"{name} has two empty lines in a row"
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"{name} has trailing white space"
        if not name.endswith(".mako"):
            assert "{%" not in text, f"{name} has a tag of the template"
            assert not re.search(r"(?<!\$)\{\{", text), f"{name} has an expression of the template"


def test_each_file_can_be_read_by_its_tool(service: Path) -> None:
    for name, text in text_files(service):
        if name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yml", ".yaml")):
            yaml.safe_load(text)
        elif name.endswith(".py"):
            compile(text, name, "exec")


def test_ruff_finds_nothing_to_change(service: Path) -> None:
    tool("ruff", "format", "--check", cwd=service)
    tool("ruff", "check", "--no-cache", cwd=service)


def test_zizmor_finds_nothing_in_the_workflow(service: Path) -> None:
    if (service / ".github").exists():
        tool("zizmor", "--offline", "--persona=auditor", "--quiet", ".github", cwd=service)


def test_nothing_speaks_of_a_feature_that_was_not_chosen(
    service: Path, request: pytest.FixtureRequest
) -> None:
    words = {
        "database": ("sqlite", r"(?i)postgres|asyncpg|pgbouncer"),
        "example": (False, r"\btasks?_|/tasks|app\.tasks|class Task|the example"),
        "container": (False, r"(?i)docker|compose|container"),
        "ci": ("none", r"(?i)github|workflow"),
    }
    answers = request.node.callspec.params["service"]
    if answers["database"] == "postgresql":
        words["database"] = ("postgresql", r"(?i)sqlite|[a-z]+\.db\b(?<!app\.db)")
    for feature, (absent, pattern) in words.items():
        if answers[feature] == absent:
            for name, text in text_files(service):
                text = re.sub(r"(database|example|container|ci): .*", "", text)
                assert not re.search(pattern, name), f"{name} belongs to {feature}"
                found = re.search(pattern, text)
                assert not found, f"{name} speaks of {feature}: {found and found[0]}"


def test_the_folders_that_the_readme_shows_exist(service: Path) -> None:
    readme = (service / "README.md").read_text()
    tree = readme.split("## Where things are")[1].split("A slice has")[0]
    folder = ""
    for indent, name in re.findall(r"^    (  )?(\S+)(?: |$)", tree, re.MULTILINE):
        path = folder + name if indent else name
        folder = folder if indent else name
        assert (service / path).exists(), path


def test_at_most_three_python_files_of_the_template_hold_a_tag() -> None:
    tagged = {
        path.name
        for path in (ROOT / "template").rglob("*")
        if path.name.endswith((".py", ".py.jinja")) and re.search(r"\{%|\{\{", path.read_text())
    }

    assert tagged == {"main.py.jinja", "engine.py.jinja", "database.py.jinja"}


@pytest.mark.parametrize("database", FEATURES["database"])
def test_no_slug_is_the_name_of_a_direct_dependency(render: Render, database: str) -> None:
    project = tomllib.loads((render(database=database) / "pyproject.toml").read_text())
    requirements = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    source = (ROOT / "includes/slug.jinja").read_text()

    for requirement in requirements:
        name = re.split(r"[\[>]", requirement)[0]
        assert re.search(rf"\s{name}\s", source), f"{name} is missing in includes/slug.jinja"


@pytest.mark.parametrize(
    ("name", "description"),
    [
        (
            'My "best" service: #1 {{ x }} \\ ünïcode 🚀',
            'It\'s "quoted" \\ back: #1 {% raw %} {{ }}',
        ),
        ("O'Reilly's", 'only "double" quotes'),
        ("'\"", "\\"),
        ("خدمة الطلبات", "right-to-left: שירות"),
        ("class", "None"),
        ("{# no comment #}", "${{ secrets.X }} $HOME `id` <b>&amp;</b>"),
        ("x" * 100, "y" * 500),
    ],
)
def test_any_name_and_description_arrive_unharmed(
    render: Render, name: str, description: str
) -> None:
    service = render(project_name=name, description=description)

    project = tomllib.loads((service / "pyproject.toml").read_text())["project"]
    assert project["description"] == description
    readme = (service / "README.md").read_text()
    assert readme.startswith(f"# {name}\n\n{description}\n")
    answers = yaml.safe_load((service / ".copier-answers.yml").read_text())
    assert (answers["project_name"], answers["description"]) == (name, description)
    main: dict[str, str] = {}
    source = (service / "app/main.py").read_text()
    arguments = re.search(r"title=(.*),\n +description=(.*),\n", source)
    assert arguments
    exec(f"title, description = {arguments[1]}, {arguments[2]}", main)
    assert (main["title"], main["description"]) == (name, description)
    tool("ruff", "format", "--check", cwd=service)
    tool("ruff", "check", "--no-cache", cwd=service)
