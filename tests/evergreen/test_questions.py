"""Answers that are read from copier.yml."""

from pathlib import Path

import pytest

from evergreen.questions import offered_values


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("{type: bool, default: false}", [False, True]),
        ("{choices: [a, b], default: b}", ["b", "a"]),
        ("{choices: {One: a, Two: b}, default: a}", ["a", "b"]),
        ("{choices: [[One, a], [Two, b]], default: a}", ["a", "b"]),
        ("{choices: {One: {value: a, validator: x}}, default: a}", ["a"]),
    ],
)
def test_answers_are_read_from_every_form_of_a_question(
    tmp_path: Path, question: str, values: list[object]
) -> None:
    (tmp_path / "copier.yml").write_text(f"_subdirectory: x\nquestion: {question}\nname: {{}}\n")

    assert offered_values(tmp_path) == {"question": values}


@pytest.mark.parametrize("part", ["when: false", "multiselect: true", "choices: '{{ them }}'"])
def test_a_question_whose_answers_cannot_be_listed_is_refused(tmp_path: Path, part: str) -> None:
    (tmp_path / "copier.yml").write_text(f"question: {{default: a, {part}}}\n")

    with pytest.raises(ValueError, match="question"):
        offered_values(tmp_path)
