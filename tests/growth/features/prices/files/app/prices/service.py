from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.errors import NotFoundError
from app.prices.models import Price
from app.prices.schemas import PriceCreate


async def create_price(session: AsyncSession, owner: User, new: PriceCreate) -> Price:
    price = Price(owner_id=owner.id, **new.model_dump())
    session.add(price)
    await session.commit()
    return price


async def list_prices(session: AsyncSession, owner: User) -> Sequence[Price]:
    prices = await session.scalars(
        select(Price).where(Price.owner_id == owner.id).order_by(Price.amount.desc(), Price.id)
    )
    return prices.all()


async def get_price(session: AsyncSession, owner: User, price_id: UUID) -> Price:
    price = await session.scalar(
        select(Price).where(Price.id == price_id, Price.owner_id == owner.id)
    )
    if price is None:
        raise NotFoundError("There is no such price.")
    return price
