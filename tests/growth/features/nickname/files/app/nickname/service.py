from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User


async def change_nickname(session: AsyncSession, user: User, nickname: str) -> None:
    user.nickname = nickname
    await session.commit()
