from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import ConflictError, NotFoundError
from app.fields import Page
from app.tags.models import Tag, task_tags
from app.tags.schemas import TagCreate
from app.tasks.service import get_task


async def create_tag(session: AsyncSession, owner: User, new: TagCreate) -> Tag:
    tag = Tag(owner_id=owner.id, name=new.name)
    session.add(tag)
    try:
        await session.commit()
    except IntegrityError:
        raise ConflictError("There is a tag with this name.") from None
    return tag


async def list_tags(session: AsyncSession, owner: User, page: Page) -> Sequence[Tag]:
    tags = await session.scalars(
        select(Tag)
        .where(Tag.owner_id == owner.id)
        .order_by(Tag.name)
        .limit(page.limit)
        .offset(page.offset)
    )
    return tags.all()


async def get_tag(session: AsyncSession, owner: User, tag_id: UUID) -> Tag:
    tag = await session.scalar(select(Tag).where(Tag.id == tag_id, Tag.owner_id == owner.id))
    if tag is None:
        raise NotFoundError("There is no such tag.")
    return tag


async def list_tags_of_task(session: AsyncSession, owner: User, task_id: UUID) -> Sequence[Tag]:
    task = await get_task(session, owner, task_id)
    tags = await session.scalars(
        select(Tag)
        .join(task_tags, task_tags.c.tag_id == Tag.id)
        .where(task_tags.c.task_id == task.id)
        .order_by(Tag.name)
    )
    return tags.all()


async def add_tag_to_task(session: AsyncSession, owner: User, task_id: UUID, tag_id: UUID) -> None:
    """Changes nothing if the task has the tag."""
    task = await get_task(session, owner, task_id)
    tag = await get_tag(session, owner, tag_id)
    try:
        await session.execute(insert(task_tags).values(task_id=task.id, tag_id=tag.id))
        await session.commit()
    except IntegrityError:
        await session.rollback()


async def remove_tag_from_task(
    session: AsyncSession, owner: User, task_id: UUID, tag_id: UUID
) -> None:
    """Changes nothing if the task doesn't have the tag."""
    task = await get_task(session, owner, task_id)
    tag = await get_tag(session, owner, tag_id)
    await session.execute(
        delete(task_tags).where(task_tags.c.task_id == task.id, task_tags.c.tag_id == tag.id)
    )
    await session.commit()
