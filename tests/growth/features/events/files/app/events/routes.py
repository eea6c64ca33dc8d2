import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep, SessionDep
from app.errors import NotFoundError
from app.tasks.schemas import TaskPublic
from app.tasks.service import get_task

router = APIRouter(prefix="/tasks", tags=["events"])

SECONDS_BETWEEN_EVENTS = 0.1


async def check_owner(task_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await get_task(session, user, task_id)


@router.get(
    "/{task_id}/events",
    response_class=EventSourceResponse,
    # Before the stream, which can't turn into a 404 once it has begun.
    dependencies=[Depends(check_owner)],
)
async def stream_events(
    task_id: UUID, user: CurrentUser, new_session: NewSessionDep
) -> AsyncIterator[TaskPublic]:
    """The task as it is now, again and again, for as long as it exists."""
    while True:
        try:
            async with new_session() as session:
                task = await get_task(session, user, task_id)
        except NotFoundError:
            return
        yield TaskPublic.model_validate(task)
        await asyncio.sleep(SECONDS_BETWEEN_EVENTS)
