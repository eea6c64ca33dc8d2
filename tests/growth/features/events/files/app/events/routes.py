import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse

from app.auth.dependencies import CurrentUser
from app.db.session import NewSessionDep, SessionDep
from app.errors import NotFoundError
from app.tasks.models import Task
from app.tasks.schemas import TaskPublic
from app.tasks.service import get_task

router = APIRouter(prefix="/tasks", tags=["events"])

SECONDS_BETWEEN_READS = 0.2


async def get_own_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> Task:
    return await get_task(session, user, task_id)


# A dependency, since a stream that has begun can't turn into a 404.
OwnTask = Annotated[Task, Depends(get_own_task)]


@router.get("/{task_id}/events", response_class=EventSourceResponse)
async def stream_events(
    task: OwnTask, user: CurrentUser, new_session: NewSessionDep
) -> AsyncIterator[TaskPublic]:
    """The task, and then the task after each change, for as long as it exists."""
    last_event = None
    while True:
        try:
            async with new_session() as session:
                task = await get_task(session, user, task.id)
        except NotFoundError:
            return
        event = TaskPublic.model_validate(task)
        if event != last_event:
            yield event
            last_event = event
        await asyncio.sleep(SECONDS_BETWEEN_READS)
