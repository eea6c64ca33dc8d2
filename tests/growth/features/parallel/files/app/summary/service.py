import asyncio

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.session import NewSession
from app.summary.schemas import Summary
from app.tasks.models import Task


async def count_tasks(session: AsyncSession, owner: User, done: bool) -> int:
    counted = select(func.count()).where(Task.owner_id == owner.id, Task.done == done)
    return await session.scalar(counted) or 0


async def summarise(new_session: NewSession, owner: User) -> Summary:
    """Both counts are made at the same time, so each needs a session of its own."""

    async def count(done: bool) -> int:
        async with new_session() as session:
            return await count_tasks(session, owner, done)

    open_tasks, done_tasks = await asyncio.gather(count(False), count(True))
    return Summary(open=open_tasks, done=done_tasks)
