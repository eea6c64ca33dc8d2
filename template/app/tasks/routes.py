from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.tasks import service
from app.tasks.schemas import TaskCreate, TaskPublic, TaskQuery, TaskUpdate

router = APIRouter(prefix="/tasks", tags=["tasks"])

TOTAL_COUNT = "X-Total-Count"
TASKS_OF_ALL_PAGES = {
    "description": "The number of tasks on all pages",
    "schema": {"type": "integer"},
}


@router.post("", status_code=201)
async def create_task(
    new: TaskCreate, user: CurrentUser, session: SessionDep, request: Request, response: Response
) -> TaskPublic:
    task = await service.create_task(session, user, new)
    path = request.app.url_path_for("read_task", task_id=task.id)
    response.headers["Location"] = request.scope.get("root_path", "") + path
    return TaskPublic.model_validate(task)


@router.get("", responses={200: {"headers": {TOTAL_COUNT: TASKS_OF_ALL_PAGES}}})
async def list_tasks(
    query: Annotated[TaskQuery, Query()], user: CurrentUser, session: SessionDep, response: Response
) -> list[TaskPublic]:
    tasks = await service.list_tasks(session, user, query)
    response.headers[TOTAL_COUNT] = str(await service.count_tasks(session, user, query))
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
