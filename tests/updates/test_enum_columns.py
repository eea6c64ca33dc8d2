"""A column of an enum that a service has keeps its meaning: its rows are read after an update."""

import subprocess
from pathlib import Path

import pytest

from evergreen.edits import insert_below, write
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, update
from evergreen.suites import own_environment

# The last release without a column type of its own for enums.
BEFORE = "0.5.0"

ORDERS = """\
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Status(StrEnum):
    OPEN = "open"
    PAID = "paid"


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    status: Mapped[Status] = mapped_column(default=Status.OPEN)
"""

MIGRATION = """\
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Enum("OPEN", "PAID", name="status"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )


def downgrade() -> None:
    op.drop_table("orders")
    sa.Enum(name="status").drop(op.get_bind())
"""

USE = """\
import asyncio
import sys

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import create_engine
from app.orders.models import Order, Status
from app.settings import Settings


async def main() -> None:
    engine = create_engine(Settings())
    async with AsyncSession(engine) as session:
        if sys.argv[1] == "write":
            session.add(Order(status=Status.PAID))
            await session.commit()
        print(*(await session.scalars(select(Order.status))).all())
    await engine.dispose()


asyncio.run(main())
"""


@pytest.mark.shows("a column of an enum keeps its meaning")
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)]
)
def test_a_column_of_an_enum_keeps_its_meaning(
    template: Path, programs: dict[str, Path], tmp_path: Path, database: str
) -> None:
    service = copy_of_release(template, BEFORE, {"database": database}, tmp_path / "service")
    write(service / "app/orders/__init__.py", "")
    write(service / "app/orders/models.py", ORDERS)
    write(service / "migrations/versions/0003_orders.py", MIGRATION)
    write(service / "use_orders.py", USE)
    insert_below(
        service / "app/main.py",
        "The imports of your own routers",
        "from app.orders import models as _\n",
    )
    commit_all(service)

    def run(*command: str) -> str:
        python = str(programs[database] / "python")
        server = ["-m", "embedded_postgresql", python] if database == "postgresql" else []
        result = subprocess.run(
            [python, *server, *command],
            cwd=service,
            env=own_environment(),
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    run("-m", "alembic", "upgrade", "head")
    assert run("use_orders.py", "write") == "paid"

    update(service, TIP)

    assert conflicts(service) == []
    run("-m", "alembic", "upgrade", "head")
    assert run("use_orders.py", "read") == "paid"
    tests = ["tests/integration/test_migrations.py", "tests/test_routes.py"]
    run("-m", "pytest", "-q", *tests)
