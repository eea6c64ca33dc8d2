"""What `poe migration` writes in a service, and the tests of the migrations that it finds wrong."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evergreen.edits import replace_once
from evergreen.services import run_suite

TESTS = "tests/integration/test_migrations.py"


@dataclass(frozen=True)
class Service:
    installed: Path
    files: Path

    def run_suite(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_suite(self.installed, *arguments, service=self.files)

    def write_migration(
        self, message: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.installed / ".venv/bin/python", "-m", "migrations.write", message],
            cwd=self.files,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
        )

    def migration(self, slug: str) -> str:
        return (self.files / f"migrations/versions/{slug}.py").read_text()


@pytest.fixture
def on_sqlite(installed_service: Path, service_to_change: Path) -> Service:
    return Service(installed_service, service_to_change)


@pytest.fixture
def on_postgresql(postgresql_service: Path, postgresql_service_to_change: Path) -> Service:
    return Service(postgresql_service, postgresql_service_to_change)


@pytest.fixture(params=["on_sqlite", pytest.param("on_postgresql", marks=pytest.mark.thorough)])
def service(request: pytest.FixtureRequest) -> Service:
    service: Service = request.getfixturevalue(request.param)
    return service


# ── Migrations that are wrong ────────────────────────────────────────────────

MIGRATION = '''"""more"""

import sqlalchemy as sa
from alembic import op

revision = "0123456789ab"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''

EMAIL = "    email: Mapped[str] ="
TITLE = "    title: Mapped[str] = mapped_column(String(200))\n"
INDEX = 'Index(None, "owner_id", "created_at", "id")'


@dataclass(frozen=True)
class Defect:
    """A change of a model, and a migration that does not fit it or the rows that exist."""

    model: str
    old: str
    new: str
    says: str
    upgrade: str = "    pass"
    downgrade: str = "    pass"

    def plant(self, service: Service) -> None:
        replace_once(service.files / "app" / self.model / "models.py", self.old, self.new)
        (service.files / "migrations/versions/0003_more.py").write_text(
            MIGRATION.format(upgrade=self.upgrade, downgrade=self.downgrade)
        )


IN_BATCH = '    with op.batch_alter_table("{}") as batch:\n        batch.'
OF_TASKS, OF_USERS = IN_BATCH.format("tasks"), IN_BATCH.format("users")

DEFECTS = {
    "a new column is NOT NULL and has no default": Defect(
        "auth",
        EMAIL,
        f"    nickname: Mapped[str] = mapped_column(String(20))\n{EMAIL}",
        "migrations/versions/0003_more.py, line 13: ",
        OF_USERS + 'add_column(sa.Column("nickname", sa.String(20), nullable=False))',
        OF_USERS + 'drop_column("nickname")',
    ),
    "a column becomes unique where rows are equal": Defect(
        "tasks",
        TITLE,
        TITLE.replace("String(200)", "String(200), unique=True"),
        "migrations/versions/0003_more.py, line 13: ",
        OF_TASKS + 'create_unique_constraint(op.f("uq_tasks_title"), ["title"])',
        OF_TASKS + 'drop_constraint(op.f("uq_tasks_title"))',
    ),
    "a migration leaves a server default": Defect(
        "auth",
        EMAIL,
        f"    nickname: Mapped[str] = mapped_column(String(20))\n{EMAIL}",
        "users.nickname: VARCHAR(20) NOT NULL in the models, "
        "VARCHAR(20) NOT NULL DEFAULT '' by the migrations",
        OF_USERS
        + 'add_column(sa.Column("nickname", sa.String(20), nullable=False, server_default=""))',
        OF_USERS + 'drop_column("nickname")',
    ),
    "a migration forgets the condition of an index": Defect(
        "tasks",
        INDEX,
        'Index(None, "owner_id", "created_at", "id", '
        "sqlite_where=text(\"title > 'a'\"), postgresql_where=text(\"title > 'a'\"))",
        "tasks.ix_tasks_owner_id_created_at_id: ",
    ),
    "a migration forgets a check": Defect(
        "tasks",
        f"({INDEX},)",
        f'({INDEX}, CheckConstraint("title > \'\'", name="titled"))',
        "tasks.ck_tasks_titled: ",
    ),
    "a migration leaves a table when it is undone": Defect(
        "tasks",
        TITLE,
        TITLE,
        "{'leftovers': 'TABLE'",
        '    op.create_table("leftovers", sa.Column("id", sa.Integer(), primary_key=True))',
    ),
}
DEFECTS_ON_POSTGRESQL = {
    "a column gets shorter than its texts": Defect(
        "tasks",
        TITLE,
        TITLE.replace("200", "20"),
        "migrations/versions/0003_more.py, line 13: value too long for type character varying(20)",
        '    op.alter_column("tasks", "title", type_=sa.String(20))',
        '    op.alter_column("tasks", "title", type_=sa.String(200))',
    ),
    "a migration forgets a label of an enum": Defect(
        "tasks",
        TITLE,
        f'{TITLE}    state: Mapped[str | None] = mapped_column(Enum("old", "new", name="state"))\n',
        "type state: old, new in the models, old by the migrations",
        "    op.execute(\"CREATE TYPE state AS ENUM ('old')\")\n"
        '    op.execute("ALTER TABLE tasks ADD state state")',
        '    op.drop_column("tasks", "state")\n    op.execute("DROP TYPE state")',
    ),
    "a migration leaves an enum when it is undone": Defect(
        "tasks",
        TITLE,
        f'{TITLE}    state: Mapped[str | None] = mapped_column(Enum("old", "new", name="state"))\n',
        "assert {'type state': 'old, new'} == {}",
        "    op.execute(\"CREATE TYPE state AS ENUM ('old', 'new')\")\n"
        '    op.execute("ALTER TABLE tasks ADD state state")',
        '    op.drop_column("tasks", "state")',
    ),
}


def plant(service: Service, defect: Defect) -> None:
    models = service.files / "app/tasks/models.py"
    imports = "from sqlalchemy import ForeignKey, Index, String\n"
    replace_once(
        models, imports, imports.replace(" String", " String, CheckConstraint, Enum, text")
    )
    defect.plant(service)


def assert_says(result: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert result.returncode == 1, result.stdout + result.stderr
    assert sentence.lower() in result.stdout.lower(), result.stdout


@pytest.mark.parametrize("name", DEFECTS)
def test_a_wrong_migration_turns_the_suite_red(service: Service, name: str) -> None:
    plant(service, DEFECTS[name])

    assert_says(service.run_suite(TESTS), DEFECTS[name].says)


@pytest.mark.parametrize("name", DEFECTS_ON_POSTGRESQL)
def test_a_wrong_migration_on_postgresql_turns_the_suite_red(
    on_postgresql: Service, name: str
) -> None:
    plant(on_postgresql, DEFECTS_ON_POSTGRESQL[name])

    assert_says(on_postgresql.run_suite(TESTS), DEFECTS_ON_POSTGRESQL[name].says)


# ── What `poe migration` writes ──────────────────────────────────────────────


def add_column(service: Service, column: str) -> None:
    replace_once(service.files / "app/auth/models.py", EMAIL, f"    {column}\n{EMAIL}")


def test_a_new_column_with_a_default_gets_it_in_the_rows_that_exist(service: Service) -> None:
    add_column(service, 'nickname: Mapped[str] = mapped_column(String(20), default="")')

    written = service.write_migration("Add a nickname")

    assert "It runs and can be undone." in written.stdout, written.stdout + written.stderr
    migration = service.migration("0003_add_a_nickname")
    assert 'server_default=""' in migration
    assert "server_default=None" in migration
    tests = service.run_suite(TESTS)
    assert tests.returncode == 0, tests.stdout


def test_a_new_column_without_a_default_waits_for_its_values(service: Service) -> None:
    add_column(service, "points: Mapped[int]")

    written = service.write_migration("points")

    sentence = (
        "users.points is NOT NULL and has no default: replace this line by an UPDATE that gives "
        "the rows that exist a value"
    )
    assert written.returncode == 0
    assert sentence in written.stdout
    tests = service.run_suite(TESTS)
    assert tests.returncode == 1
    assert sentence in tests.stdout
    file = service.files / "migrations/versions/0003_points.py"
    raised = f'raise RuntimeError(\n        "{sentence}"\n    )'
    replace_once(file, raised, 'op.execute("UPDATE users SET points = 3")')
    tests = service.run_suite(TESTS)
    assert tests.returncode == 0, tests.stdout


def test_the_database_and_the_settings_of_the_developer_do_not_matter(service: Service) -> None:
    (service.files / ".env").write_text("DATABASE_URL=nonsense\n")

    written = service.write_migration("nothing", {"ENVIRONMENT": "production"})

    assert written.stdout.endswith(
        "Wrote migrations/versions/0003_nothing.py. The models ask for nothing, so it is empty.\n"
    ), written.stdout + written.stderr
    lint = [str(service.installed / ".venv/bin/ruff"), "check"]
    subprocess.run(lint, cwd=service.files, check=True)


@pytest.mark.parametrize("message", ["", " "])
def test_a_migration_has_a_message(on_sqlite: Service, message: str) -> None:
    written = on_sqlite.write_migration(message)

    assert written.returncode == 1
    assert written.stderr == "Say what the migration does: uv run poe migration 'what it does'\n"


def test_labels_of_an_enum_on_postgresql_are_added_in_their_order(on_postgresql: Service) -> None:
    models = on_postgresql.files / "app/tasks/models.py"
    replace_once(models, "from sqlalchemy import ", "from sqlalchemy import Enum, ")
    column = '    state: Mapped[str | None] = mapped_column(Enum("old", "new", name="state"))\n'
    replace_once(models, TITLE, TITLE + column)
    on_postgresql.write_migration("states")
    replace_once(models, '"old", "new"', '"old", "middle", "new", "last"')

    written = on_postgresql.write_migration("more states")

    assert "It runs and can be undone." in written.stdout, written.stdout + written.stderr
    tests = on_postgresql.run_suite(TESTS)
    assert tests.returncode == 0, tests.stdout


# ── Runs that can't begin ────────────────────────────────────────────────────


def forget_a_migration(service: Service) -> str:
    add_column(service, "nickname: Mapped[str | None]")
    return (
        "No migration creates users.nickname, which is in the models. "
        "Write one: uv run poe migration 'what it does'"
    )


def let_a_migration_fail(service: Service) -> str:
    migration = MIGRATION.format(upgrade='    raise RuntimeError("not yet")', downgrade="    pass")
    (service.files / "migrations/versions/0003_more.py").write_text(migration)
    return "The migrations can't be run. migrations/versions/0003_more.py, line 13: not yet"


def make_two_heads(service: Service) -> str:
    for revision in ("a1", "b2"):
        migration = MIGRATION.format(upgrade="    pass", downgrade="    pass")
        migration = migration.replace("0123456789ab", revision)
        (service.files / f"migrations/versions/0003_{revision}.py").write_text(migration)
    return "The migrations have 2 heads, a1 and b2. Merge them: uv run poe migration --merge"


def delete_a_parent(service: Service) -> str:
    (service.files / "migrations/versions/0002_tasks.py").unlink()
    migration = MIGRATION.format(upgrade="    pass", downgrade="    pass")
    (service.files / "migrations/versions/0003_more.py").write_text(migration)
    return (
        "The migration 0123456789ab comes after 0002, which is not here: bring that file back, "
        "or delete that of 0123456789ab, if it does nothing."
    )


CAUSES = [forget_a_migration, let_a_migration_fail, make_two_heads, delete_a_parent]


@pytest.mark.parametrize("prepare", CAUSES)
@pytest.mark.parametrize("arguments", [[], ["-n", "2"]])
def test_a_run_that_cannot_begin_ends_with_a_sentence(
    service: Service, prepare: Callable[[Service], str], arguments: list[str]
) -> None:
    sentence = prepare(service)

    result = service.run_suite(*arguments)

    assert result.returncode in {1, 2}, result.stdout
    assert sentence in result.stdout
    # Of several processes, those that run other tests meanwhile print more.
    assert arguments or len(result.stdout.splitlines()) < 40


def test_two_heads_are_merged_before_the_next_migration(on_sqlite: Service) -> None:
    sentence = make_two_heads(on_sqlite)

    written = on_sqlite.write_migration("more")

    assert written.returncode == 1
    assert sentence in written.stderr
    merged = on_sqlite.write_migration("--merge")
    file = "migrations/versions/0004_merge_a1_and_b2.py"
    assert merged.stdout.endswith(f"\nWrote {file}, which changes nothing.\n"), merged.stderr
    assert (on_sqlite.files / file).is_file()
    assert on_sqlite.write_migration("more").returncode == 0
    assert on_sqlite.write_migration("--merge").stderr == (
        "There are no two last migrations to merge.\n"
    )


def test_migrations_without_a_number_do_not_count(on_sqlite: Service) -> None:
    migration = MIGRATION.format(upgrade="    pass", downgrade="    pass")
    migration = migration.replace("0123456789ab", "template_1")
    (on_sqlite.files / "migrations/versions/template_1.py").write_text(migration)

    written = on_sqlite.write_migration("more")

    assert "\nWrote migrations/versions/0003_more.py." in written.stdout, written.stderr


# ── Databases that can't be migrated ─────────────────────────────────────────


def upgrade_failure(service: Service, database: Path) -> str:
    """Returns the last line that `alembic upgrade head` prints, and nothing if it succeeds."""
    result = subprocess.run(
        [service.installed / ".venv/bin/alembic", "upgrade", "head"],
        cwd=service.files,
        env={**os.environ, "DATABASE_URL": f"sqlite+aiosqlite:///{database}"},
        capture_output=True,
        text=True,
    )
    return result.stdout.splitlines()[-1] if result.returncode else ""


def test_a_database_at_a_migration_that_is_gone(on_sqlite: Service, tmp_path: Path) -> None:
    assert upgrade_failure(on_sqlite, tmp_path / "a.db") == ""
    (on_sqlite.files / "migrations/versions/0002_tasks.py").unlink()

    assert upgrade_failure(on_sqlite, tmp_path / "a.db") == (
        "FAILED: There is no migration 0002 here. If a database has run it, bring its file back; "
        "to find it: git log --all --name-only -- migrations/versions"
    )


def test_two_heads_can_not_be_run(on_sqlite: Service, tmp_path: Path) -> None:
    sentence = make_two_heads(on_sqlite)

    assert upgrade_failure(on_sqlite, tmp_path / "a.db") == (f"FAILED: {sentence}")
