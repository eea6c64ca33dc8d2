from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import EngineDep

NewSession = Callable[[], AsyncSession]


async def get_new_session(engine: EngineDep) -> NewSession:
    # A session that is used after its end raises, where it would begin anew unnoticed.
    return partial(AsyncSession, engine, expire_on_commit=False, close_resets_only=False)


# For work that outlives its request or needs several sessions: a background task, a stream, a
# WebSocket. `async with new_session() as session:`
NewSessionDep = Annotated[NewSession, Depends(get_new_session)]


async def get_session(new_session: NewSessionDep) -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


# "function": the connection is back in the pool before the response is sent.
SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]
