import asyncio
from unittest.mock import ANY

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.tasks.models import Task
from tests.client import AsyncClient


@pytest.fixture
async def tasks(session: AsyncSession, fake_user: User) -> None:
    session.add(Task(owner_id=fake_user.id, title="Buy milk"))
    session.add(Task(owner_id=fake_user.id, title="Sleep", done=True))
    await session.commit()


async def test_a_report_is_written_after_the_response(client: AsyncClient, tasks: None) -> None:
    response = await client.post("/reports")

    assert response.status_code == 202
    reports = await client.get("/reports")
    for _ in range(20):  # a server may still be writing it
        if not reports.json():
            await asyncio.sleep(0.05)
            reports = await client.get("/reports")
    assert reports.json() == [{"open_tasks": 1, "created_at": ANY}]


async def test_a_list_has_only_the_reports_of_its_owner(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    await client.post("/reports")

    response = await other_client.get("/reports")

    assert response.json() == []
