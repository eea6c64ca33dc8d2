from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import NotFoundError
from app.tasks.models import Task
from app.tasks.schemas import TaskCreate, TaskQuery, TaskUpdate

NO_SUCH_TASK = "There is no such task."

ORDERS = {
    "created_at": (Task.created_at, Task.id),
    "-created_at": (Task.created_at.desc(), Task.id.desc()),
}

# Each statement names the owner: nothing can happen between a check and a write, and
# another user's task does not exist.

# Built once, since each request needs it: to build a statement takes longer than to execute it.
TASK_OF_OWNER = select(Task).where(
    Task.id == bindparam("task_id"), Task.owner_id == bindparam("owner_id")
)


async def create_task(session: AsyncSession, owner: User, new: TaskCreate) -> Task:
    task = Task(owner_id=owner.id, title=new.title)
    session.add(task)
    await session.commit()
    return task


async def list_tasks(session: AsyncSession, owner: User, query: TaskQuery) -> Sequence[Task]:
    tasks = await session.scalars(
        select(Task)
        .filter_by(**filters(owner, query))
        .order_by(*ORDERS[query.sort])
        .limit(query.limit)
        .offset(query.offset)
    )
    return tasks.all()


async def count_tasks(session: AsyncSession, owner: User, query: TaskQuery) -> int:
    """Counts the tasks on all pages."""
    counts = await session.scalars(
        select(func.count()).select_from(Task).filter_by(**filters(owner, query))
    )
    return counts.one()


async def get_task(session: AsyncSession, owner: User, task_id: UUID) -> Task:
    task = await session.scalar(TASK_OF_OWNER, {"task_id": task_id, "owner_id": owner.id})
    return found(task)


async def update_task(
    session: AsyncSession, owner: User, task_id: UUID, changes: TaskUpdate
) -> Task:
    values = changes.model_dump()
    if not values:
        return await get_task(session, owner, task_id)
    task = await session.scalar(
        update(Task)
        .where(Task.id == task_id, Task.owner_id == owner.id)
        .values(values)
        .returning(Task)
    )
    await session.commit()
    return found(task)


async def delete_task(session: AsyncSession, owner: User, task_id: UUID) -> None:
    deleted_id = await session.scalar(
        delete(Task).where(Task.id == task_id, Task.owner_id == owner.id).returning(Task.id)
    )
    await session.commit()
    if deleted_id is None:
        raise NotFoundError(NO_SUCH_TASK)


def filters(owner: User, query: TaskQuery) -> dict[str, Any]:
    # Without the field `done` if the client has left it out.
    return {"owner_id": owner.id, **query.model_dump(include={"done"})}


def found(task: Task | None) -> Task:
    if task is None:
        raise NotFoundError(NO_SUCH_TASK)
    return task
