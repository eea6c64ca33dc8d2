import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.auth.dependencies import get_current_user
from app.tasks.models import Task
from tests.client import AsyncClient
from tests.helpers import add_user


@pytest.mark.in_process
async def test_two_changes_of_one_task_at_the_same_time_are_both_kept(
    committing_client: AsyncClient, committing_engine: AsyncEngine, app_with_login: FastAPI
) -> None:
    async with AsyncSession(committing_engine, expire_on_commit=False) as session:
        user = await add_user(session, "ada@example.com")
        task = Task(owner_id=user.id, title="Buy milk")
        session.add(task)
        await session.commit()
    app_with_login.dependency_overrides[get_current_user] = lambda: user

    responses = await asyncio.gather(
        committing_client.patch(f"/tasks/{task.id}", json={"title": "Buy bread"}),
        committing_client.patch(f"/tasks/{task.id}", json={"done": True}),
    )

    assert [response.status_code for response in responses] == [200, 200]
    async with AsyncSession(committing_engine) as session:
        stored = await session.get_one(Task, task.id)
    assert (stored.title, stored.done) == ("Buy bread", True)
    assert isinstance(committing_engine.pool, AsyncAdaptedQueuePool)
    assert committing_engine.pool.checkedout() == 0
