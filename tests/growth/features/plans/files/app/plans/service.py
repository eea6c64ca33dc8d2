from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFoundError
from app.plans.models import Plan


async def list_plans(session: AsyncSession) -> Sequence[Plan]:
    return (await session.scalars(select(Plan).order_by(Plan.max_tasks))).all()


async def get_plan(session: AsyncSession, name: str) -> Plan:
    plan = await session.get(Plan, name)
    if plan is None:
        raise NotFoundError("There is no such plan.")
    return plan
