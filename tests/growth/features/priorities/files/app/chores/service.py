from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.chores.models import Chore
from app.chores.schemas import ChoreCreate, ChoreQuery
from app.errors import NotFoundError


async def create_chore(session: AsyncSession, owner: User, new: ChoreCreate) -> Chore:
    chore = Chore(owner_id=owner.id, title=new.title, priority=new.priority)
    session.add(chore)
    await session.commit()
    return chore


async def list_chores(session: AsyncSession, owner: User, query: ChoreQuery) -> Sequence[Chore]:
    filters = query.model_dump(include={"priority"})
    chores = await session.scalars(
        select(Chore)
        .where(Chore.owner_id == owner.id)
        .filter_by(**filters)
        .order_by(Chore.title, Chore.id)
        .limit(query.limit)
        .offset(query.offset)
    )
    return chores.all()


async def get_chore(session: AsyncSession, owner: User, chore_id: UUID) -> Chore:
    chore = await session.scalar(
        select(Chore).where(Chore.id == chore_id, Chore.owner_id == owner.id)
    )
    if chore is None:
        raise NotFoundError("There is no such chore.")
    return chore
