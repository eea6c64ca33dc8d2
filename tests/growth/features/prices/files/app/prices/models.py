from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Cents
from app.db.base import Base


class Price(Base):
    __tablename__ = "prices"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    product: Mapped[str] = mapped_column(String(100))
    amount: Mapped[Decimal] = mapped_column(Cents)
    details: Mapped[dict[str, int]] = mapped_column(JSON().with_variant(JSONB(), "postgresql"))
