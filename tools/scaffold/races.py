"""Tests, put into a service, that a row which another one names is not deleted in between."""

PATH = "tests/integration/test_races.py"
TEST = """\
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from functools import partial

import pytest
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.auth.models import User
from app.folders.models import Folder, FolderSortOf
from app.folders.service import delete_folder
from app.statements.models import Statement
from app.statements.service import check_folder as check_reference
from app.parcels.service import check_folder as check_parent
from tests.helpers import add_user

pytestmark = pytest.mark.in_process


@pytest.fixture
async def creating(committing_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(committing_engine) as session:
        yield session


@pytest.fixture
async def deleting(committing_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(committing_engine) as session:
        yield session


@pytest.fixture
async def user(committing_engine: AsyncEngine) -> User:
    async with AsyncSession(committing_engine, expire_on_commit=False) as session:
        return await add_user(session, "ada@example.com")


@pytest.fixture
async def folder(committing_engine: AsyncEngine, user: User) -> Folder:
    async with AsyncSession(committing_engine, expire_on_commit=False) as session:
        folder = Folder(
            owner_id=user.id, name="a", since=date.today(), sort_of=FolderSortOf.A, more={}
        )
        session.add(folder)
        await session.commit()
        return folder


@pytest.mark.parametrize(
    "check",
    [check_reference, partial(check_parent, locked=True)],
    ids=["reference", "parent"],
)
async def test_a_row_is_not_deleted_before_the_commit_of_one_that_names_it(
    creating: AsyncSession,
    deleting: AsyncSession,
    user: User,
    folder: Folder,
    check: Callable[..., Awaitable[None]],
) -> None:
    await check(creating, user, folder.id)
    with pytest.raises(exc.DBAPIError, match="locked|lock timeout"):
        await delete_folder(deleting, user, folder.id)
    creating.add(Statement(owner_id=user.id, folder_id=folder.id))
    await creating.commit()


async def test_a_list_locks_nothing(
    creating: AsyncSession, deleting: AsyncSession, user: User, folder: Folder
) -> None:
    await check_parent(creating, user, folder.id)
    await delete_folder(deleting, user, folder.id)
"""
