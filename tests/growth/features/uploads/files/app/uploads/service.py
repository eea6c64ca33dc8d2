from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.base import now
from app.errors import NotFoundError
from app.tasks.service import get_task
from app.uploads.models import Upload


async def create_upload(
    session: AsyncSession, owner: User, task_id: UUID, title: str, content: bytes
) -> Upload:
    task = await get_task(session, owner, task_id)
    upload = Upload(
        owner_id=owner.id, task_id=task.id, title=title, day=now().date(), content=content
    )
    session.add(upload)
    await session.commit()
    return upload


async def list_uploads(
    session: AsyncSession, owner: User, task_id: UUID, since: date
) -> Sequence[Upload]:
    task = await get_task(session, owner, task_id)
    uploads = await session.scalars(
        select(Upload)
        .where(Upload.task_id == task.id, Upload.day >= since)
        .order_by(Upload.day, Upload.title, Upload.id)
        .limit(100)
    )
    return uploads.all()


async def get_upload(session: AsyncSession, owner: User, upload_id: UUID) -> Upload:
    upload = await session.scalar(
        select(Upload).where(Upload.id == upload_id, Upload.owner_id == owner.id)
    )
    if upload is None:
        raise NotFoundError("There is no such upload.")
    return upload
