from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.cleanup import service
from app.db.base import now
from app.tasks.models import Task
from tests.database import NewSession


async def test_only_tasks_that_are_done_and_old_are_deleted(
    new_session: NewSession, session: AsyncSession, fake_user: User
) -> None:
    old = now() - timedelta(days=91)
    session.add_all(
        [
            Task(owner_id=fake_user.id, title="old and done", done=True, created_at=old),
            Task(owner_id=fake_user.id, title="old", created_at=old),
            Task(owner_id=fake_user.id, title="done", done=True),
        ]
    )
    await session.commit()

    async with new_session() as tested:
        deleted = await service.delete_old_done_tasks(tested)

    assert deleted == 1
    titles = await session.scalars(select(Task.title).order_by(Task.title))
    assert titles.all() == ["done", "old"]
