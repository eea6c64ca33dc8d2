"""The questions: what is offered, what is the default, what is refused, and how."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, Render

DEFAULTS = {
    "project_name": "My Service",
    "project_slug": "my-service",
    "description": "A FastAPI service that starts green and stays green.",
    "database": "sqlite",
    "auth": "password",
    "example": True,
    "container": True,
    "ci": "github",
    "python_min": "3.11",
    "coverage_threshold": 95,
}


def answers_of(service: Path) -> dict[str, Any]:
    recorded = yaml.safe_load((service / ".copier-answers.yml").read_text())
    return {name: value for name, value in recorded.items() if not name.startswith("_")}


def test_every_question_has_a_default_and_each_answer_is_recorded(render: Render) -> None:
    assert answers_of(render()) == DEFAULTS


def test_the_questions_are_asked_in_the_order_in_which_a_person_thinks() -> None:
    questions = [
        name
        for name in yaml.safe_load((ROOT / "copier.yml").read_text())
        if not name.startswith("_")
    ]

    assert questions == list(DEFAULTS)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Order Book", "order-book"),
        ("  ".join("ab"), "a-b"),
        ("3rd Party", "rd-party"),
        ("Überholspur", "berholspur"),
        ("订单", "my-service"),
        ("🚀", "my-service"),
        ("FastAPI", "fastapi-service"),
        ("a" * 49 + " b", "a" * 49),
        ("n" * 100, "n" * 50),
    ],
)
def test_the_slug_is_made_of_the_name(render: Render, name: str, slug: str) -> None:
    assert answers_of(render(project_name=name))["project_slug"] == slug


@pytest.mark.parametrize(
    ("answer", "value", "sentence"),
    [
        ("project_name", "", "The name is empty: type at least one character."),
        ("project_name", "   ", "The name is empty: type at least one character."),
        ("project_name", " a", "The name begins or ends with white space: leave that out."),
        ("project_name", "x" * 300, "The name has 300 characters: type at most 100."),
        ("project_name", "a\nb", "The name has a line break or another control character"),
        ("project_name", "a\u2028b", "The name has a line break or another control character"),
        ("description", "", "The description is empty: type at least one character."),
        ("description", "a\tb", "The description has a line break or another control"),
        ("description", "x" * 501, "The description has 501 characters: type at most 500."),
        (
            "project_slug",
            "My Service",
            '"My Service" is no slug: type lower-case letters and digits, a letter first, with '
            "single hyphens in between, such as my-service.",
        ),
        ("project_slug", "1st", '"1st" is no slug'),
        ("project_slug", "a--b", '"a--b" is no slug'),
        ("project_slug", "a-", '"a-" is no slug'),
        ("project_slug", "a\n", '"a\\n" is no slug'),
        ("project_slug", "ünï", '"ünï" is no slug'),
        ("project_slug", "", '"" is no slug'),
        ("project_slug", "x" * 51, "The slug has 51 characters: type at most 50."),
        (
            "project_slug",
            "fastapi",
            "fastapi is the name of a package that the service depends on: type another, such "
            "as fastapi-service.",
        ),
        ("coverage_threshold", 101, "a number from 0 to 100, not 101."),
        ("coverage_threshold", -1, "a number from 0 to 100, not -1."),
    ],
)
def test_a_bad_answer_gets_a_sentence_and_nothing_is_written(
    render: Render, tmp_path: Path, answer: str, value: object, sentence: str
) -> None:
    with pytest.raises(ValueError, match="Validation error") as error:
        render(**{answer: value})

    assert sentence in str(error.value)
    assert not (tmp_path / "service").exists()


@pytest.mark.parametrize("answer", ["database", "auth", "ci", "python_min"])
def test_an_answer_that_is_not_offered_is_refused(
    render: Render, tmp_path: Path, answer: str
) -> None:
    with pytest.raises(ValueError, match="Invalid choice"):
        render(**{answer: "nonsense"})

    assert not (tmp_path / "service").exists()


def test_a_folder_that_is_not_empty_is_asked_about_and_loses_nothing(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / "notes.txt").write_text("mine, too\n")
    program = str(Path(sys.executable).with_name("copier"))
    command = [program, "copy", "--defaults", str(template), str(tmp_path)]

    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    assert result.returncode != 0
    assert "conflict" in result.stderr
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert (tmp_path / "notes.txt").read_text() == "mine, too\n"


def test_the_readme_shows_each_question_with_its_default_first() -> None:
    table = (ROOT / "README.md").read_text().split("| question |")[1].split("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]

    assert [row[0].strip("`") for row in rows] == list(DEFAULTS)
    for name, _, answers in rows:
        default = DEFAULTS[name.strip("`")]
        shown = str(default).lower() if isinstance(default, bool) else str(default)
        if name.strip("`") not in {"project_slug", "description"}:
            assert answers.startswith(f"`{shown}`"), name


def test_ci_runs_the_command_of_the_readme() -> None:
    command = (ROOT / ".ci/run").read_text().splitlines()[-1]

    assert f"    {command}\n" in (ROOT / "README.md").read_text()
