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

SECONDS_BETWEEN_READS = 0.2


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
    """The task, and then the task after each change, for as long as it exists."""
    last_event = None
    while True:
        try:
            async with new_session() as session:
                task = await get_task(session, user, task_id)
        except NotFoundError:
            return
        event = TaskPublic.model_validate(task)
        if event != last_event:
            yield event
            last_event = event
        await asyncio.sleep(SECONDS_BETWEEN_READS)
