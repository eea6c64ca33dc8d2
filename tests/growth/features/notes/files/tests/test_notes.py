from unittest.mock import ANY
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.notes.models import Note
from app.tasks.models import Task
from tests.client import AsyncClient
from tests.helpers import add_user, problem


@pytest.fixture
async def task(session: AsyncSession, fake_user: User) -> Task:
    task = Task(owner_id=fake_user.id, title="Buy milk")
    session.add(task)
    await session.commit()
    return task


@pytest.fixture
async def note(session: AsyncSession, task: Task) -> Note:
    note = Note(owner_id=task.owner_id, task_id=task.id, text="Two bottles")
    session.add(note)
    await session.commit()
    return note


async def test_a_new_note_refers_to_its_task(client: AsyncClient, task: Task) -> None:
    response = await client.post("/notes", json={"task_id": str(task.id), "text": "Two bottles"})

    assert response.status_code == 201
    note = response.json()
    assert note == {"id": ANY, "task_id": str(task.id), "text": "Two bottles"}
    assert response.headers["Location"] == f"/notes/{note['id']}"


async def test_a_note_on_a_task_of_another_user_is_refused(
    client: AsyncClient, session: AsyncSession
) -> None:
    eve = await add_user(session, "eve@example.com")
    session.add(Task(id=UUID(int=1), owner_id=eve.id, title="Sell milk"))
    await session.commit()

    response = await client.post("/notes", json={"task_id": str(UUID(int=1)), "text": "How many?"})

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such task.")


async def test_a_list_has_only_the_notes_of_its_owner(
    client: AsyncClient, other_client: AsyncClient, note: Note
) -> None:
    own = await client.get("/notes")
    others = await other_client.get("/notes")

    assert [note["text"] for note in own.json()] == ["Two bottles"]
    assert others.json() == []


async def test_a_note_is_read(client: AsyncClient, note: Note) -> None:
    response = await client.get(f"/notes/{note.id}")

    assert response.status_code == 200
    assert response.json() == {
        "id": str(note.id),
        "task_id": str(note.task_id),
        "text": "Two bottles",
    }


async def test_a_deleted_note_is_not_found(client: AsyncClient, note: Note) -> None:
    first = await client.delete(f"/notes/{note.id}")
    second = await client.delete(f"/notes/{note.id}")

    assert first.status_code == 204
    assert second.status_code == 404
    assert second.json() == problem(404, "Not Found", "There is no such note.")


async def test_a_note_is_deleted_with_its_task(client: AsyncClient, note: Note) -> None:
    await client.delete(f"/tasks/{note.task_id}")

    response = await client.get("/notes")

    assert response.json() == []
