from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.base import now
from app.tasks.models import Task
from app.tasks.routes import router
from app.tasks.schemas import TaskPublic
from tests.client import AsyncClient
from tests.helpers import problem


def invalid(error_type: str, *location: str) -> dict[str, Any]:
    return problem(
        422,
        "Unprocessable Content",
        "The request has invalid parts.",
        [{"type": error_type, "location": list(location), "message": ANY}],
    )


@pytest.fixture
def new() -> dict[str, Any]:
    return {"title": "title 4"}


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"title": "x" * 200, "done": True}


@pytest.fixture
async def tasks(session: AsyncSession, fake_user: User) -> list[dict[str, Any]]:
    """Four of `fake_user` as the API returns them, the oldest first. A filter finds the second one."""
    start = now()
    tasks = [
        Task(
            id=UUID(int=100 - second),  # in another order than the times
            owner_id=fake_user.id,
            title=f"title {second}",
            done=second == 1,
            created_at=start + timedelta(seconds=second),
        )
        for second in range(4)
    ]
    session.add_all(reversed(tasks))
    await session.commit()
    # If the response has a relation of the task, it is loaded here.
    return await session.run_sync(
        lambda _: [TaskPublic.model_validate(task).model_dump(mode="json") for task in tasks]
    )


@pytest.fixture
def task(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Neither the first one nor the last."""
    return tasks[2]


async def test_a_new_task_is_created(client: AsyncClient, new: dict[str, Any]) -> None:
    response = await client.post("/tasks", json=new)

    assert response.status_code == 201
    task = response.json()
    assert task == {**new, "id": ANY, "done": False, "created_at": ANY}
    assert response.headers["Location"] == f"/tasks/{task['id']}"


@pytest.mark.parametrize("sent", ["x", " x "])
async def test_space_around_the_title_of_a_new_task_is_dropped(
    client: AsyncClient, new: dict[str, Any], sent: str
) -> None:
    response = await client.post("/tasks", json={**new, "title": sent})

    assert response.status_code == 201
    assert response.json()["title"] == "x"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("title", "", "string_too_short"),
        ("title", " ", "string_pattern_mismatch"),
        pytest.param("title", "x" * 201, "string_too_long", id="title-too_long"),
        ("no_such_field", 1, "extra_forbidden"),
    ],
)
async def test_a_new_task_with_an_invalid_part_is_refused(
    client: AsyncClient, new: dict[str, Any], field: str, value: Any, error: str
) -> None:
    response = await client.post("/tasks", json={**new, field: value})

    assert response.status_code == 422
    assert response.json() == invalid(error, "body", field)


async def test_a_strange_body_is_refused_and_not_echoed(client: AsyncClient) -> None:
    response = await client.post(
        "/tasks",
        content=b'{"title": ' + b"[" * 60_000,
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "[[" not in response.text


async def test_a_page_of_the_list_is_in_the_order_of_creation(
    client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await client.get("/tasks", params={"limit": 2, "offset": 1})

    assert response.status_code == 200
    assert response.json() == tasks[1:3]
    assert response.headers["X-Total-Count"] == "4"


async def test_a_list_begins_with_the_newest_task_if_it_is_sorted_so(
    client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await client.get("/tasks", params={"sort": "-created_at"})

    assert response.status_code == 200
    assert response.json() == tasks[::-1]


@pytest.mark.parametrize(
    ("field", "value", "places"),
    [
        ("done", True, [1]),
        ("done", False, [0, 2, 3]),
    ],
)
async def test_a_list_is_filtered_and_counted(
    client: AsyncClient, tasks: list[dict[str, Any]], field: str, value: Any, places: list[int]
) -> None:
    response = await client.get("/tasks", params={field: value})

    assert response.status_code == 200
    assert response.json() == [tasks[place] for place in places]
    assert response.headers["X-Total-Count"] == str(len(places))


async def test_tasks_of_other_users_are_neither_listed_nor_counted(
    other_client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await other_client.get("/tasks")

    assert response.status_code == 200
    assert response.json() == []
    assert response.headers["X-Total-Count"] == "0"


async def test_a_list_with_an_unknown_order_is_refused(client: AsyncClient) -> None:
    response = await client.get("/tasks", params={"sort": "title"})

    assert response.status_code == 422
    assert response.json() == invalid("literal_error", "query", "sort")


async def test_a_list_with_an_unknown_parameter_is_refused(client: AsyncClient) -> None:
    response = await client.get("/tasks", params={"order": "title"})

    assert response.status_code == 422
    assert response.json() == invalid("extra_forbidden", "query", "order")


def test_the_total_is_documented() -> None:
    app = FastAPI()  # the document of all routes would take long
    app.include_router(router)

    response = app.openapi()["paths"]["/tasks"]["get"]["responses"]["200"]

    assert response["headers"] == {
        "X-Total-Count": {
            "description": "The number of tasks on all pages",
            "schema": {"type": "integer"},
        }
    }


async def test_a_task_is_read(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.get(f"/tasks/{task['id']}")

    assert response.status_code == 200
    assert response.json() == task


async def test_a_task_is_changed(
    client: AsyncClient, task: dict[str, Any], changes: dict[str, Any]
) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json=changes)

    assert response.status_code == 200
    assert response.json() == {**task, **changes}


async def test_an_empty_change_changes_nothing(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json={})

    assert response.status_code == 200
    assert response.json() == task


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("title", "", "string_too_short"),
        ("title", " ", "string_pattern_mismatch"),
        pytest.param("title", "x" * 201, "string_too_long", id="title-too_long"),
        ("done", "perhaps", "bool_parsing"),
        ("no_such_field", 1, "extra_forbidden"),
    ],
)
async def test_a_change_with_an_invalid_part_is_refused(
    client: AsyncClient, task: dict[str, Any], field: str, value: Any, error: str
) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json={field: value})

    assert response.status_code == 422
    assert response.json() == invalid(error, "body", field)


async def test_a_task_is_deleted(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.delete(f"/tasks/{task['id']}")

    assert response.status_code == 204
    assert response.content == b""
    gone = await client.get(f"/tasks/{task['id']}")
    assert gone.status_code == 404


async def test_a_task_that_does_not_exist_is_not_found(
    client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await client.get("/tasks/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such task.")


async def test_a_task_of_another_user_is_not_found(
    other_client: AsyncClient, task: dict[str, Any]
) -> None:
    response = await other_client.get(f"/tasks/{task['id']}")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such task.")


async def test_an_id_that_is_not_a_uuid_is_refused(client: AsyncClient) -> None:
    response = await client.get("/tasks/1")

    assert response.status_code == 422
    assert response.json() == invalid("uuid_parsing", "path", "task_id")


async def test_405_lists_the_methods_of_every_route_of_the_path(client: AsyncClient) -> None:
    response = await client.put("/tasks/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, PATCH"
