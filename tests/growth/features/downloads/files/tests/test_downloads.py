import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.tasks.models import Task
from tests.client import AsyncClient


@pytest.fixture
async def tasks(session: AsyncSession, fake_user: User) -> None:
    for title, done in (("Buy milk", False), ('Say "hello"', True)):
        session.add(Task(owner_id=fake_user.id, title=title, done=done))
        await session.commit()


async def test_a_download_has_a_line_for_each_task(client: AsyncClient, tasks: None) -> None:
    response = await client.get("/downloads/tasks.csv")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.text == 'title,done\r\nBuy milk,no\r\n"Say ""hello""",yes\r\n'


async def test_a_download_can_be_read_line_by_line(client: AsyncClient, tasks: None) -> None:
    async with client.stream("GET", "/downloads/tasks.csv") as response:
        lines = [line async for line in response.aiter_lines()]

    assert lines == ["title,done", "Buy milk,no", '"Say ""hello""",yes']


async def test_a_download_has_only_the_tasks_of_its_owner(
    other_client: AsyncClient, tasks: None
) -> None:
    response = await other_client.get("/downloads/tasks.csv")

    assert response.text == "title,done\r\n"
