from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import ConflictError
from app.profile.schemas import ProfileUpdate


async def update_profile(session: AsyncSession, user: User, changes: ProfileUpdate) -> User:
    user.email = changes.email
    try:
        await session.commit()
    except IntegrityError:
        raise ConflictError("This email address is already registered.") from None
    return user


async def delete_profile(session: AsyncSession, user: User) -> None:
    await session.execute(delete(User).where(User.id == user.id))
    await session.commit()
