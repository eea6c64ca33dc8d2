from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.db.session import NewSession
from app.reports.models import Report
from app.tasks.models import Task


async def write_report(new_session: NewSession, owner_id: UUID) -> None:
    """Takes long, so it is done after the response, when the session of the request has ended."""
    async with new_session() as session:
        open_tasks = await session.scalar(
            select(func.count())
            .select_from(Task)
            .where(Task.owner_id == owner_id, Task.done.is_(False))
        )
        session.add(Report(owner_id=owner_id, open_tasks=open_tasks))
        await session.commit()


async def list_reports(session: AsyncSession, owner: User) -> Sequence[Report]:
    reports = await session.scalars(
        select(Report)
        .where(Report.owner_id == owner.id)
        .order_by(Report.created_at, Report.id)
        .limit(100)
    )
    return reports.all()
