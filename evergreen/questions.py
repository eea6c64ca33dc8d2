"""Reads the questions of the template, and all combinations of their answers, from copier.yml."""

import itertools
from pathlib import Path
from typing import Any

import yaml

Answers = dict[str, Any]


def read_questions(template: Path) -> dict[str, dict[str, Any]]:
    """Returns what copier.yml says about each question, by name."""
    return questions_in((template / "copier.yml").read_text())


def questions_in(configuration: str) -> dict[str, dict[str, Any]]:
    """Does the same for the text of a copier.yml."""
    parsed = yaml.safe_load(configuration)
    return {name: value for name, value in parsed.items() if not name.startswith("_")}


def offered_values(template: Path) -> dict[str, list[Any]]:
    """Returns the answers to each question that has a limited number of them, the default first.

    Raises `ValueError` for a question whose answers can't be read from copier.yml alone.
    """
    return offered_in((template / "copier.yml").read_text())


def offered_in(configuration: str) -> dict[str, list[Any]]:
    """Does the same for the text of a copier.yml."""
    offered = {}
    for name, question in questions_in(configuration).items():
        if "when" in question or question.get("multiselect"):
            raise ValueError(
                f"copier.yml: the proof can't enumerate the answers of {name}: it has `when` or "
                "`multiselect`. Remove that, or extend evergreen/questions.py."
            )
        if question.get("type") == "bool":
            values = [True, False]
        elif "choices" in question:
            values = [value_of(choice) for choice in list_of_choices(name, question["choices"])]
        else:
            continue
        if "default" not in question:
            raise ValueError(
                f"The question {name} has no default. Give it one in copier.yml: an update has to work "
                "without new answers."
            )
        offered[name] = sorted(values, key=lambda value: value != question["default"])
    return offered


def list_of_choices(name: str, choices: Any) -> list[Any]:
    if isinstance(choices, dict):
        return list(choices.values())
    if isinstance(choices, list):
        return choices
    raise ValueError(f"copier.yml: the choices of {name} are neither a list nor a mapping.")


def value_of(choice: Any) -> Any:
    """Copier accepts a bare choice, one with a label, and one with a validator."""
    if isinstance(choice, list):
        choice = choice[1]
    return choice["value"] if isinstance(choice, dict) else choice


def all_combinations(template: Path) -> list[Answers]:
    """Returns every combination of answers to the questions with a limited number of them.

    The other questions keep their default: their values don't switch anything on or off.
    """
    offered = offered_values(template)
    return [
        dict(zip(offered, values, strict=True)) for values in itertools.product(*offered.values())
    ]


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def label(answers: Answers) -> str:
    """Shows a combination as it would be typed after `--data`; long values are cut."""
    return " ".join(f"{name}={shown(value)[:40]}" for name, value in answers.items())
