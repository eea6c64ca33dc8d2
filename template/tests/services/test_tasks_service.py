from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.base import now
from app.errors import NotFoundError
from app.tasks import service
from app.tasks.models import Task
from app.tasks.schemas import TaskCreate, TaskPublic, TaskQuery, TaskUpdate
from tests.database import NewSession
from tests.helpers import add_user


@pytest.fixture
async def task(session: AsyncSession, fake_user: User) -> Task:
    """The first of two."""
    tasks = [Task(owner_id=fake_user.id, title=f"title {number}") for number in range(2)]
    session.add_all(tasks)
    await session.commit()
    return tasks[0]


async def stored_tasks(session: AsyncSession) -> dict[UUID, TaskPublic]:
    tasks = await session.scalars(select(Task).execution_options(populate_existing=True))
    return {task.id: TaskPublic.model_validate(task) for task in tasks}


@pytest.fixture
async def other_user(session: AsyncSession) -> User:
    return await add_user(session, "eve@example.com")


async def test_a_new_task_is_committed(
    new_session: NewSession, session: AsyncSession, fake_user: User
) -> None:
    new = TaskCreate(title="title 0")

    async with new_session() as tested:
        task = await service.create_task(tested, fake_user, new)

    assert await stored_tasks(session) == {task.id: TaskPublic.model_validate(task)}
    assert task.owner_id == fake_user.id


async def test_a_change_of_one_task_is_committed(
    new_session: NewSession, session: AsyncSession, fake_user: User, task: Task
) -> None:
    stored = await stored_tasks(session)
    changes = TaskUpdate(done=True)

    async with new_session() as tested:
        await service.update_task(tested, fake_user, task.id, changes)

    stored[task.id] = stored[task.id].model_copy(update=changes.model_dump())
    assert await stored_tasks(session) == stored


async def test_a_deletion_of_one_task_is_committed(
    new_session: NewSession, session: AsyncSession, fake_user: User, task: Task
) -> None:
    stored = await stored_tasks(session)

    async with new_session() as tested:
        await service.delete_task(tested, fake_user, task.id)

    del stored[task.id]
    assert await stored_tasks(session) == stored


async def test_a_task_of_another_user_cannot_be_changed(
    new_session: NewSession, session: AsyncSession, other_user: User, task: Task
) -> None:
    stored = await stored_tasks(session)

    async with new_session() as tested:
        with pytest.raises(NotFoundError):
            await service.update_task(tested, other_user, task.id, TaskUpdate(done=True))

    assert await stored_tasks(session) == stored


async def test_a_task_of_another_user_cannot_be_deleted(
    new_session: NewSession, session: AsyncSession, other_user: User, task: Task
) -> None:
    stored = await stored_tasks(session)

    async with new_session() as tested:
        with pytest.raises(NotFoundError, match="There is no such task"):
            await service.delete_task(tested, other_user, task.id)

    assert await stored_tasks(session) == stored


async def test_a_list_has_only_the_tasks_of_its_owner(
    new_session: NewSession, session: AsyncSession, fake_user: User, other_user: User, task: Task
) -> None:
    async with new_session() as tested:
        own = await service.list_tasks(tested, fake_user, TaskQuery())
        others = await service.list_tasks(tested, other_user, TaskQuery())

    assert {task.id for task in own} == (await stored_tasks(session)).keys()
    assert others == []


async def test_only_the_tasks_of_their_owner_are_counted(
    new_session: NewSession, fake_user: User, other_user: User, task: Task
) -> None:
    async with new_session() as tested:
        own = await service.count_tasks(tested, fake_user, TaskQuery())
        others = await service.count_tasks(tested, other_user, TaskQuery())

    assert (own, others) == (2, 0)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (TaskQuery(sort="created_at"), [1, 2, 3]),
        (TaskQuery(sort="-created_at"), [3, 2, 1]),
    ],
    ids=["oldest first", "newest first"],
)
async def test_tasks_of_the_same_time_are_listed_in_the_order_of_their_ids(
    new_session: NewSession,
    session: AsyncSession,
    fake_user: User,
    query: TaskQuery,
    ids: list[int],
) -> None:
    time = now()
    for number in range(3):
        task = Task(
            id=UUID(int=(2, 3, 1)[number]),  # in no order
            owner_id=fake_user.id,
            title=f"title {number}",
            created_at=time,
        )
        session.add(task)
    await session.commit()
    # It has the tasks in this order, and so would hide a query that asks for another one.
    await session.execute(text("DROP INDEX ix_tasks_owner_id_created_at_id"))

    async with new_session() as tested:
        tasks = await service.list_tasks(tested, fake_user, query)

    assert [task.id.int for task in tasks] == ids
