from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Plan(Base):
    """Its rows come with the migrations; no route changes them."""

    __tablename__ = "plans"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    max_tasks: Mapped[int]
