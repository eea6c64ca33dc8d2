from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.tasks import service
from app.tasks.schemas import Page, TaskCreate, TaskPublic, TaskUpdate

router = APIRouter(prefix="/tasks", tags=["tasks"])


@router.post("", status_code=201)
async def create_task(
    new: TaskCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> TaskPublic:
    task = await service.create_task(session, user, new)
    response.headers["Location"] = request.app.url_path_for("read_task", task_id=task.id)
    return TaskPublic.model_validate(task)


@router.get("")
async def list_tasks(
    page: Annotated[Page, Query()], user: CurrentUser, session: SessionDep
) -> list[TaskPublic]:
    tasks = await service.list_tasks(session, user, page)
    return [TaskPublic.model_validate(task) for task in tasks]


@router.get("/{task_id}")
async def read_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> TaskPublic:
    return TaskPublic.model_validate(await service.get_task(session, user, task_id))


@router.patch("/{task_id}")
async def update_task(
    task_id: UUID, changes: TaskUpdate, user: CurrentUser, session: SessionDep
) -> TaskPublic:
    task = await service.update_task(session, user, task_id, changes)
    return TaskPublic.model_validate(task)


@router.delete("/{task_id}", status_code=204)
async def delete_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_task(session, user, task_id)
