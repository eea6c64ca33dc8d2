"""The questions: their order, their defaults, and the answers that are refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from evergreen.hostile_answers import REFUSED
from evergreen.questions import read_questions, shown
from evergreen.services import Render
from evergreen.working_tree import ROOT

# Names and values that services rely on.
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


def test_every_question_has_a_default_and_every_answer_is_recorded(render: Render) -> None:
    answers = answers_of(render())

    assert answers.keys() == read_questions(ROOT).keys()
    assert {name: answers[name] for name in DEFAULTS} == DEFAULTS


def test_the_questions_are_asked_in_a_natural_order() -> None:
    assert [name for name in read_questions(ROOT) if name in DEFAULTS] == list(DEFAULTS)


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
def test_the_slug_is_derived_from_the_name(render: Render, name: str, slug: str) -> None:
    assert answers_of(render(project_name=name))["project_slug"] == slug


@pytest.mark.parametrize(("answer", "value", "sentence"), REFUSED)
def test_a_bad_answer_is_refused_with_a_sentence_and_writes_nothing(
    render: Render, tmp_path: Path, answer: str, value: object, sentence: str
) -> None:
    with pytest.raises(ValueError, match="Validation error") as error:
        render(**{answer: value})

    # Copier begins with the name of the question.
    message = str(error.value).partition("': ")[2]
    assert message == sentence
    assert len(message) <= 80
    assert not (tmp_path / "service").exists()


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_question_fits_into_80_columns(name: str) -> None:
    lines = read_questions(ROOT)[name]["help"].splitlines()

    # Copier shows a microphone, which is two columns wide, and a space before the first line.
    assert max(map(len, lines)) <= 77


@pytest.mark.parametrize("answer", ["database", "auth", "ci", "python_min"])
def test_an_answer_that_is_not_offered_is_refused(
    render: Render, tmp_path: Path, answer: str
) -> None:
    with pytest.raises(ValueError, match="Invalid choice"):
        render(**{answer: "nonsense"})

    assert not (tmp_path / "service").exists()


def test_existing_files_are_not_overwritten_without_asking(template: Path, tmp_path: Path) -> None:
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

    questions = read_questions(ROOT)
    assert [row[0].strip("`") for row in rows] == list(questions)
    for name, _, answers in rows:
        default = questions[name.strip("`")]["default"]
        if name.strip("`") not in {"project_slug", "description"}:
            assert answers.startswith(f"`{shown(default)}`"), name


def test_ci_runs_the_command_of_the_readme() -> None:
    command = (ROOT / ".ci/run").read_text().splitlines()[-1]

    assert f"    {command}\n" in (ROOT / "README.md").read_text()
