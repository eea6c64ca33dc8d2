"""A check that is new to a service says in one sentence how a team that it stops goes on."""

import subprocess
from pathlib import Path

import pytest

from evergreen.edits import insert_below, replace, write
from evergreen.releases import TIP, commit_all, conflicts, copy_of_release, update
from evergreen.suites import own_environment

# The last release before these checks.
BEFORE = "0.5.0"

OURS = """\
import asyncio
import socket

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

def test_the_printer_does_not_respond() -> None:
    with pytest.raises(OSError), socket.create_connection(("192.0.2.1", 9), timeout=0.1):
        pass


@pytest.mark.timeout(1)  # in place of a minute
async def test_that_takes_two_seconds() -> None:
    await asyncio.sleep(2)


async def test_that_leaves_a_task(session: AsyncSession) -> None:
    asyncio.create_task(asyncio.sleep(60))


A_USER = (
    "INSERT INTO users (id, email, password_hash, created_at) VALUES "
    "('11111111111111111111111111111111', 'a@example.com', 'x', '2026-01-01 00:00:00')"
)


async def test_that_commits(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(A_USER))
"""

LIVE = """\
from fastapi import APIRouter, WebSocket

router = APIRouter(prefix="/live", tags=["live"])


@router.websocket("")
async def greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("Hello")
    await socket.close()
"""

COINS = """\
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Coin(Base):
    __tablename__ = "coins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    cents: Mapped[int]

    __table_args__ = (CheckConstraint("cents IN (1, 2, 5)", name="minted"),)
"""

COINS_MIGRATION = """\
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cents", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("cents IN (1, 2, 5)", name=op.f("ck_coins_minted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coins")),
    )


def downgrade() -> None:
    op.drop_table("coins")
"""

SENTENCES = {
    "the network": "A test tried to reach 192.0.2.1:9, another machine.",
    "the time limit": "The test took longer than 1 seconds. If it may take longer, mark it with",
    "a task": "The test left a task that goes on: <coroutine object sleep",
    "a commit": "A test tried to commit to the database of all tests.",
    "the routes": "WEBSOCKET /live returned 101 without a token.",
    "rows": "coins",
    "the comparison": "coins",
}


def add_what_was_green(service: Path) -> None:
    write(service / "tests/test_ours.py", OURS)
    write(service / "app/live/__init__.py", "")
    write(service / "app/live/routes.py", LIVE)
    write(service / "app/coins/__init__.py", "")
    write(service / "app/coins/models.py", COINS)
    write(service / "migrations/versions/0003_coins.py", COINS_MIGRATION)
    main = service / "app/main.py"
    insert_below(
        main,
        "The imports of your own routers",
        "from app.coins import models as _\nfrom app.live.routes import router as live_router\n",
    )
    insert_below(main, "Your own routers", "    app.include_router(live_router)\n")


def do_what_the_sentences_say(service: Path) -> None:
    ours = service / "tests/test_ours.py"
    insert_below(
        service / "tests/plugins/network.py", "Your own addresses", '    ("192.0.2.1", 9),\n'
    )
    replace(ours, "timeout(1)", "timeout(60)")
    replace(
        ours,
        "    asyncio.create_task(asyncio.sleep(60))\n",
        "    task = asyncio.create_task(asyncio.sleep(60))\n    task.cancel()\n",
    )
    replace(ours, "engine: AsyncEngine", "session: AsyncSession")
    replace(ours, "    async with engine.begin() as connection:\n", "")
    replace(
        ours,
        "        await connection.execute(text(",
        "    await session.execute(text(",
    )
    insert_below(
        service / "tests/test_routes.py", "Your own public routes", '    ("WEBSOCKET", "/live"),\n'
    )
    insert_below(
        service / "tests/integration/test_migrations.py",
        "Your own values",
        '    "coins.cents": 1,\n',
    )
    replace(
        service / "app/coins/models.py",
        "    cents: Mapped[int]\n",
        '    cents: Mapped[int] = mapped_column(server_default="1")\n',
    )


def run(service: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [programs / "pytest", "-q"],
        cwd=service,
        env=own_environment(),
        capture_output=True,
        text=True,
    )


@pytest.mark.shows("a check that is new says how to go on")
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)]
)
def test_a_check_that_is_new_says_how_to_go_on(
    template: Path, programs: dict[str, Path], tmp_path: Path, database: str
) -> None:
    service = copy_of_release(template, BEFORE, {"database": database}, tmp_path / "service")
    add_what_was_green(service)
    commit_all(service)

    update(service, TIP)

    assert conflicts(service) == []
    stopped = run(service, programs[database])
    assert stopped.returncode == 1
    missing = {check for check, sentence in SENTENCES.items() if sentence not in stopped.stdout}
    assert missing == set(), stopped.stdout

    do_what_the_sentences_say(service)

    result = run(service, programs[database])
    assert result.returncode == 0, result.stdout
