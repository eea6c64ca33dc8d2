from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.billing.receipts.models import Receipt
from app.billing.receipts.schemas import ReceiptCreate
from app.errors import NotFoundError


async def create_receipt(session: AsyncSession, owner: User, new: ReceiptCreate) -> Receipt:
    receipt = Receipt(owner_id=owner.id, **new.model_dump())
    session.add(receipt)
    await session.commit()
    return receipt


async def get_receipt(session: AsyncSession, owner: User, receipt_id: UUID) -> Receipt:
    receipt = await session.scalar(
        select(Receipt).where(Receipt.id == receipt_id, Receipt.owner_id == owner.id)
    )
    if receipt is None:
        raise NotFoundError("There is no such receipt.")
    return receipt
