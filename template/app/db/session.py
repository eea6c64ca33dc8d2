from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import EngineDep


async def get_session(engine: EngineDep) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


# "function": the connection is back in the pool before the response is sent.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
