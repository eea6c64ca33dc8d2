from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.admin.schemas import Role
from app.auth.models import User
from app.errors import NotFoundError
from app.fields import Page


async def list_users(session: AsyncSession, page: Page) -> Sequence[User]:
    users = await session.scalars(
        select(User).order_by(User.email).limit(page.limit).offset(page.offset)
    )
    return users.all()


async def change_role(session: AsyncSession, user_id: UUID, role: Role) -> User:
    user: User | None = await session.scalar(
        update(User).where(User.id == user_id).values(role=role).returning(User)
    )
    await session.commit()
    if user is None:
        raise NotFoundError("There is no such user.")
    return user
