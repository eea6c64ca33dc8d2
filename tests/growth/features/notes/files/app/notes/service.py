from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import NotFoundError
from app.fields import Page
from app.notes.models import Note
from app.notes.schemas import NoteCreate
from app.tasks.service import get_task

NO_SUCH_NOTE = "There is no such note."


async def create_note(session: AsyncSession, owner: User, new: NoteCreate) -> Note:
    task = await get_task(session, owner, new.task_id)
    note = Note(owner_id=owner.id, task_id=task.id, text=new.text)
    session.add(note)
    await session.commit()
    return note


async def list_notes(session: AsyncSession, owner: User, page: Page) -> Sequence[Note]:
    notes = await session.scalars(
        select(Note)
        .where(Note.owner_id == owner.id)
        .order_by(Note.created_at, Note.id)
        .limit(page.limit)
        .offset(page.offset)
    )
    return notes.all()


async def get_note(session: AsyncSession, owner: User, note_id: UUID) -> Note:
    note = await session.scalar(select(Note).where(Note.id == note_id, Note.owner_id == owner.id))
    if note is None:
        raise NotFoundError(NO_SUCH_NOTE)
    return note


async def delete_note(session: AsyncSession, owner: User, note_id: UUID) -> None:
    deleted_id = await session.scalar(
        delete(Note).where(Note.id == note_id, Note.owner_id == owner.id).returning(Note.id)
    )
    await session.commit()
    if deleted_id is None:
        raise NotFoundError(NO_SUCH_NOTE)
