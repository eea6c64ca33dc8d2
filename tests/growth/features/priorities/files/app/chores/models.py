from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, EnumByValue


class Priority(StrEnum):
    LOW = "low"
    HIGH = "high"


class Chore(Base):
    __tablename__ = "chores"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    priority: Mapped[Priority] = mapped_column(EnumByValue(Priority), default=Priority.LOW)
