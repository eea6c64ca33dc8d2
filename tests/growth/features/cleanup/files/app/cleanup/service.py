from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import now
from app.tasks.models import Task

MAX_AGE = timedelta(days=90)


async def delete_old_done_tasks(session: AsyncSession) -> int:
    """Returns how many there were."""
    deleted = await session.scalars(
        delete(Task).where(Task.done, Task.created_at < now() - MAX_AGE).returning(Task.id)
    )
    number = len(deleted.all())
    await session.commit()
    return number
