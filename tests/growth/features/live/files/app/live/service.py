from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.tasks.models import Task


async def count_users(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(User)) or 0


async def count_tasks(session: AsyncSession, owner: User) -> int:
    return await session.scalar(select(func.count()).where(Task.owner_id == owner.id)) or 0
