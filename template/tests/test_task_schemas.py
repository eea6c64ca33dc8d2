from typing import Any

import pytest
from pydantic import ValidationError

from app.tasks.schemas import TaskCreate, TaskQuery, TaskUpdate


def error_of(schema: type[TaskCreate | TaskQuery | TaskUpdate], data: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as error:
        schema.model_validate(data)
    return error.value.errors()[0]["type"]


def test_space_around_a_title_is_stripped() -> None:
    assert TaskCreate(title="  Buy milk\n").title == "Buy milk"


def test_a_title_may_have_200_characters() -> None:
    assert TaskCreate(title="x" * 200).title == "x" * 200


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, "missing"),
        ({"title": None}, "string_type"),
        ({"title": ""}, "string_too_short"),
        ({"title": " \n"}, "string_pattern_mismatch"),
        ({"title": "x" * 200 + " "}, "string_too_long"),
        ({"title": "NUL \0"}, "string_pattern_mismatch"),
        ({"title": "Buy milk", "owner": "eve"}, "extra_forbidden"),
    ],
)
def test_an_invalid_new_task_is_refused(data: dict[str, Any], error: str) -> None:
    assert error_of(TaskCreate, data) == error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"title": None}, "string_type"),
        ({"title": ""}, "string_too_short"),
        ({"done": None}, "bool_type"),
        ({"id": 1}, "extra_forbidden"),
    ],
)
def test_an_invalid_change_is_refused(data: dict[str, Any], error: str) -> None:
    assert error_of(TaskUpdate, data) == error


def test_a_list_has_the_first_50_tasks_by_default_done_or_not() -> None:
    assert TaskQuery().model_dump() == {"limit": 50, "offset": 0, "sort": "created_at"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"limit": 101}, "less_than_equal"),
        ({"done": None}, "bool_type"),
        ({"sort": "title"}, "literal_error"),
        ({"order": "title"}, "extra_forbidden"),
    ],
)
def test_an_invalid_query_is_refused(data: dict[str, Any], error: str) -> None:
    assert error_of(TaskQuery, data) == error
