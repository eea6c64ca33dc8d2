from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, EnumByValue, now


class Status(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(20))
    day: Mapped[date]
    status: Mapped[Status] = mapped_column(EnumByValue(Status), default=Status.DRAFT)

    lines: Mapped[list["Line"]] = relationship(
        lazy="selectin", order_by="Line.created_at, Line.id", passive_deletes=True
    )

    __table_args__ = (UniqueConstraint("owner_id", "number"),)

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))


class Line(Base):
    __tablename__ = "invoice_lines"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(String(200))
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    created_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index(None, "invoice_id", "created_at", "id"),)
