from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.base import now
from app.main import MAX_BODY_BYTES
from app.tasks.models import Task
from app.tasks.schemas import TaskPublic
from tests.client import AsyncClient

NO_SUCH_TASK = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "There is no such task.",
}


def invalid(error_type: str, *location: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request has invalid parts.",
        "errors": [{"type": error_type, "location": list(location), "message": ANY}],
    }


@pytest.fixture
async def tasks(session: AsyncSession, fake_user: User) -> list[dict[str, Any]]:
    """As the API shows them: four of `fake_user`, the oldest first."""
    start = now()
    tasks = [
        Task(
            id=UUID(int=100 - second),  # not in their order
            owner_id=fake_user.id,
            title=title,
            created_at=start + timedelta(seconds=second),
        )
        for second, title in enumerate(["Buy milk", "Call Grace", "Answer the letter", "Sleep"])
    ]
    session.add_all(reversed(tasks))
    await session.commit()
    return [TaskPublic.model_validate(task).model_dump(mode="json") for task in tasks]


@pytest.fixture
def task(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Neither the first nor the last one."""
    return tasks[1]


async def test_a_new_task_has_its_title_and_is_not_done(client: AsyncClient) -> None:
    response = await client.post("/tasks", json={"title": "Buy milk"})

    assert response.status_code == 201
    task = response.json()
    assert task == {"id": ANY, "title": "Buy milk", "done": False, "created_at": ANY}
    assert response.headers["Location"] == f"/tasks/{task['id']}"


async def test_a_new_task_with_an_invalid_part_is_refused(client: AsyncClient) -> None:
    response = await client.post("/tasks", json={"title": ""})

    assert response.status_code == 422
    assert response.json() == invalid("string_too_short", "body", "title")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"title": ' + b"[" * 100_000, 400), (b" " * (MAX_BODY_BYTES + 1), 413)],
    ids=["100,000 levels", "over the limit"],
)
async def test_a_new_task_with_a_strange_body_is_refused_and_not_echoed(
    client: AsyncClient, body: bytes, status: int
) -> None:
    response = await client.post(
        "/tasks", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "[[" not in response.text


async def test_a_page_of_the_list_is_in_the_order_in_which_the_tasks_were_made(
    client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await client.get("/tasks", params={"limit": 2, "offset": 1})

    assert response.status_code == 200
    assert response.json() == tasks[1:3]


async def test_a_page_with_an_unknown_parameter_is_refused(client: AsyncClient) -> None:
    response = await client.get("/tasks", params={"sort": "title"})

    assert response.status_code == 422
    assert response.json() == invalid("extra_forbidden", "query", "sort")


async def test_a_task_is_read(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.get(f"/tasks/{task['id']}")

    assert response.status_code == 200
    assert response.json() == task


async def test_a_task_gets_done(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json={"done": True})

    assert response.status_code == 200
    assert response.json() == {**task, "done": True}


async def test_a_change_of_nothing_changes_nothing(
    client: AsyncClient, task: dict[str, Any]
) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json={})

    assert response.status_code == 200
    assert response.json() == task


async def test_a_change_with_an_invalid_part_is_refused(
    client: AsyncClient, task: dict[str, Any]
) -> None:
    response = await client.patch(f"/tasks/{task['id']}", json={"done": None})

    assert response.status_code == 422
    assert response.json() == invalid("bool_type", "body", "done")


async def test_a_task_is_deleted(client: AsyncClient, task: dict[str, Any]) -> None:
    response = await client.delete(f"/tasks/{task['id']}")

    assert response.status_code == 204
    assert response.content == b""


async def test_a_task_that_does_not_exist_is_not_found(
    client: AsyncClient, tasks: list[dict[str, Any]]
) -> None:
    response = await client.get("/tasks/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == NO_SUCH_TASK


async def test_an_id_that_is_no_uuid_is_refused(client: AsyncClient) -> None:
    response = await client.get("/tasks/1")

    assert response.status_code == 422
    assert response.json() == invalid("uuid_parsing", "path", "task_id")


async def test_a_method_that_is_not_allowed_is_told_those_of_all_routes_of_its_path(
    client: AsyncClient,
) -> None:
    response = await client.put("/tasks/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, PATCH"
