"""The job as it is started: with an engine and commits of its own, on a database of its own."""

from datetime import timedelta

import pytest
from sqlalchemy import URL, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.cleanup.__main__ import main
from app.db.base import now
from app.db.engine import create_engine
from app.tasks.models import Task
from tests.helpers import add_user, settings_for


async def test_the_job_deletes_a_task_that_is_done_and_old(
    new_database: URL, logs_as_before: None, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = create_engine(settings_for(new_database))
    async with AsyncSession(engine, expire_on_commit=False) as session:
        user = await add_user(session, "ada@example.com")
        old = now() - timedelta(days=91)
        session.add(Task(owner_id=user.id, title="Buy milk", done=True, created_at=old))
        await session.commit()

    await main(settings_for(new_database))

    async with AsyncSession(engine) as session:
        assert (await session.scalars(select(Task.title))).all() == []
    await engine.dispose()
    assert "deleted=1" in capsys.readouterr().err
