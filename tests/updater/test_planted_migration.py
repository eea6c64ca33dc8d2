"""A release brings a migration: each kind of service, and its databases, follow it."""

import itertools
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evergreen.databases import (
    Database,
    NewDatabase,
    definitions,
    rows_of,
)
from evergreen.edits import delete_the_example, insert_below, replace_once, write
from evergreen.releases import (
    TIP,
    commit_all,
    conflicts,
    copy_of_release,
    git,
    release,
    update,
)
from evergreen.suites import own_environment
from tests.updater.conftest import insert_first
from tests.updater.task_runs import NEXT, merge_the_update, run_task, state_of
from updater.migrations import follow_the_models, read_history, repair_history
from updater.service import Service

# ── The release ──────────────────────────────────────────────────────────────

MIGRATION = '''\
"""{docstring}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{parent}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column({column}))


def downgrade() -> None:
    op.drop_column("users", "{docstring}")
'''

JOIN = '''\
"""phone and tasks"""

revision = "template_phone_and_tasks"
down_revision = ("0002", "template_phone")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
'''

PASSWORD = "    password_hash: Mapped[str] = mapped_column(String(255))\n"
PHONE = '    phone: Mapped[str] = mapped_column(String(32), server_default="")\n'


@pytest.fixture(scope="module")
def planted(template_with_releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template whose next release has a column more in `users`, and the migration for it."""
    template = tmp_path_factory.mktemp("planted") / "template"
    git("clone", "--quiet", str(template_with_releases), str(template), cwd=template.parent)
    versions = template / "template/migrations/versions"
    column = '"phone", sa.String(32), server_default="", nullable=False'
    write(
        versions / "template_phone.py",
        MIGRATION.format(
            docstring="phone", revision="template_phone", parent="0001", column=column
        ),
    )
    write(versions / "template_phone_and_tasks.py", JOIN)
    replace_once(template / "template/app/auth/models.py", PASSWORD, PASSWORD + PHONE)
    path = "    migrations/versions/0002_tasks.py\n"
    join = "    migrations/versions/template_phone_and_tasks.py\n"
    replace_once(template / "copier.yml", path, path + join)
    release(template, NEXT)
    return template


# ── The services ─────────────────────────────────────────────────────────────


def add_a_migration_of_the_team(service: Path) -> None:
    """Adds a column to `users`, below its seam, and the migration after the last one."""
    (head,) = heads_of(service)
    write(
        service / f"migrations/versions/{int(head) + 1:04}_nickname.py",
        MIGRATION.format(
            docstring="nickname",
            revision="5f0c1a2b3d4e",
            parent=head,
            column='"nickname", sa.String(20), nullable=True',
        ),
    )
    column = "    nickname: Mapped[str | None] = mapped_column(String(20))\n"
    insert_below(service / "app/auth/models.py", "Your own columns", column)
    commit_all(service)


def heads_of(service: Path) -> list[str]:
    history = read_history(service)
    parents = {parent for revision in history for parent in revision.parents}
    return [revision.name for revision in history if revision.name not in parents]


@dataclass(frozen=True)
class Kind:
    """Whether a service is created with the example, and the answers of one or more updates."""

    example: bool = True
    is_deleted_by_hand: bool = False
    updates: tuple[str, ...] = ("",)
    says: str = ""
    """What the updates print."""

    @property
    def example_at_the_end(self) -> bool:
        answers = [answer for answer in self.updates if answer]
        if answers:
            return answers[-1] == "example=true"
        return self.example and not self.is_deleted_by_hand

    @property
    def keeps_tasks(self) -> bool:
        return self == Kind()


KEPT = "Kept, since a database may have run it: migrations/versions/0002_tasks.py\n"
LEFT_OUT = (
    "Left out, since this service does not have 0002: "
    "migrations/versions/template_phone_and_tasks.py\n"
)
WRITTEN = "follow_the_models.py. It runs and can be undone.\n"
KINDS = {
    "with the example": Kind(),
    "without it": Kind(example=False),
    "deleted by hand": Kind(is_deleted_by_hand=True, says=LEFT_OUT),
    "deleted by hand and switched off": Kind(is_deleted_by_hand=True, updates=("example=false",)),
    "switched off": Kind(updates=("example=false",), says=KEPT),
    "switched off after the update": Kind(updates=("", "example=false"), says=KEPT),
    "switched off and on": Kind(updates=("example=false", "example=true"), says=WRITTEN),
    "switched on": Kind(example=False, updates=("example=true",)),
    "switched on after the update": Kind(example=False, updates=("", "example=true")),
}

IN_CI = {
    ("with the example", "sqlite", True),
    ("deleted by hand", "postgresql", False),
}

EACH_SERVICE = [
    pytest.param(
        *(name, database, has_own),
        id=f"{name}, {database}{', with a migration of the team' if has_own else ''}",
        marks=() if (name, database, has_own) in IN_CI else pytest.mark.thorough,
    )
    for name, database, has_own in itertools.product(KINDS, ("sqlite", "postgresql"), (False, True))
]


@pytest.mark.shows("a release brings a migration: one history, the same tables, the same rows")
@pytest.mark.parametrize(("name", "database", "has_own"), EACH_SERVICE)
@pytest.mark.usefixtures("installed_copier")
def test_a_migration_of_a_release_arrives(
    planted: Path,
    install_before: Callable[[str], None],
    new_database: NewDatabase,
    tmp_path: Path,
    name: str,
    database: str,
    has_own: bool,
) -> None:
    kind = KINDS[name]
    install_before(database)
    answers = {"database": database, "example": kind.example}
    service = copy_of_release(planted, TIP, answers, tmp_path / "service")
    old = new_database(database)
    if kind.is_deleted_by_hand:
        old.migrate(service)
        old.run(service, "alembic", "downgrade", "0001")
        delete_the_example(service)
        commit_all(service)
    if has_own:
        add_a_migration_of_the_team(service)
    old.migrate(service)
    rows = write_rows(old, service)
    had = migrations_of(service)

    printed = ""
    for answer in kind.updates:
        printed += merge_the_update(service, *(["--data", answer] if answer else [])).stdout
        git("branch", "--delete", f"template-{NEXT}", cwd=service)
        old.migrate(service)

    assert had.items() <= migrations_of(service).items()
    assert len(heads_of(service)) == 1
    assert kind.says in printed
    assert not has_own or "can't both be the last migration: " in printed
    assert git("status", "--porcelain", cwd=service) == ""
    of_old, of_new = definitions(service, old, new_database(database))
    assert of_old == of_new
    if not has_own:
        fresh = tmp_path / "fresh copy"
        copy_of_release(planted, NEXT, answers | {"example": kind.example_at_the_end}, fresh)
        assert definitions(fresh, new_database(database)) == [of_old]
    with old.served(service) as client:
        assert rows_of(client) == (rows if kind.keeps_tasks else rows | {"tasks": []})


def write_rows(database: Database, service: Path) -> dict[str, object]:
    with database.served(service) as client:
        client.post("/tasks", json={"title": "Buy milk"})
        return rows_of(client)


def migrations_of(service: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (service / "migrations/versions").glob("*.py")}


# ── Updates that need a person ───────────────────────────────────────────────


@pytest.mark.thorough
@pytest.mark.usefixtures("installed_before", "quick_update")
def test_a_migration_after_one_that_was_squashed_is_written_anew(
    planted: Path, tmp_path: Path
) -> None:
    service = copy_of_release(planted, TIP, {"example": False}, tmp_path / "service")
    first = service / "migrations/versions/0001_users.py"
    write(first.with_name("0009_all.py"), first.read_text().replace('"0001"', '"0009"'))
    first.unlink()
    commit_all(service)

    result = merge_the_update(service)

    assert "Left out, since this service does not have 0001: " in result.stdout
    assert "Wrote migrations/versions/0010_follow_the_models.py." in result.stdout
    assert "phone" in (service / "migrations/versions/0010_follow_the_models.py").read_text()


@pytest.mark.usefixtures("installed_before", "quick_update")
def test_the_migrations_are_repaired_where_there_is_a_conflict(
    planted: Path, tmp_path: Path
) -> None:
    service = copy_of_release(planted, TIP, {}, tmp_path / "service")
    add_a_migration_of_the_team(service)
    replace_once(service / "app/auth/models.py", PASSWORD, PASSWORD.replace("255", "300"))
    commit_all(service)
    before = state_of(service)

    result = run_task(service, "update", "--data", "example=false")

    assert result.returncode == 1
    assert result.stdout == (
        f"Updating from {TIP} to {NEXT} ...\n"
        f"{KEPT}"
        "Written, since 5f0c1a2b3d4e and template_phone can't both be the last migration: "
        "migrations/versions/0004_merge_template.py\n"
        "Write the migration that is missing now: uv run poe migration 'Follow the models'\n"
    )
    assert len(heads_of(service)) == 1
    staged = git("diff", "--cached", "--name-only", "--diff-filter=A", cwd=service).split()
    assert "migrations/versions/0004_merge_template.py" in staged
    way_back = result.stderr.splitlines()[-1].removeprefix("    to go back:  ")
    subprocess.run(way_back, shell=True, cwd=service, check=True, capture_output=True)
    assert state_of(service) == before


@pytest.fixture
def history(tmp_path: Path) -> Service:
    """A repository with two migrations, of which only a person can know the order."""
    folder = tmp_path / "history"
    for name in ("0001_one", "0002_two"):
        text = f'revision = "{name}"\ndown_revision = None\n'
        write(folder / f"migrations/versions/{name}.py", text)
    commit_all(folder)
    return Service(folder)


def test_the_migration_that_merges_is_staged_whatever_git_thinks_of_its_line_ends(
    history: Service,
) -> None:
    git("config", "core.autocrlf", "true", cwd=history.folder)
    git("config", "core.safecrlf", "true", cwd=history.folder)

    assert repair_history(history, "HEAD", "HEAD", "HEAD") == [
        "Written, since 0001_one and 0002_two can't both be the last migration: "
        "migrations/versions/0003_merge_template.py"
    ]

    assert git("diff", "--cached", "--name-only", cwd=history.folder) == (
        "migrations/versions/0003_merge_template.py\n"
    )
    assert heads_of(history.folder) != ["0001_one", "0002_two"]


def test_a_history_with_a_file_that_is_no_migration_is_not_checked(history: Service) -> None:
    write(history.folder / "migrations/versions/ours.py", "revision = 5\n")

    assert repair_history(history, "HEAD", "HEAD", "HEAD") == [
        "The migrations are not checked: "
        "migrations/versions/ours.py can't be read: it has no revision"
    ]


@pytest.mark.parametrize(("code", "told"), [(0, "Wrote it."), (1, "Wrote it.\n{by_hand}")])
def test_the_migration_that_follows_the_models_is_staged(
    history: Service, own_uv: Path, code: int, told: str
) -> None:
    new = "migrations/versions/0003_follow_the_models.py"
    command = "run --quiet poe --quiet migration Follow the models"
    runs = f"touch {new}; echo Wrote it. >&2; exit {code}"
    insert_first(own_uv, f'if [ "$*" = "{command}" ]; then {runs}; fi')

    printed = follow_the_models(history, has_conflicts=False)

    assert printed == told.format(by_hand=follow_the_models(history, has_conflicts=True))
    assert git("diff", "--cached", "--name-only", cwd=history.folder) == f"{new}\n"


@pytest.mark.thorough
@pytest.mark.usefixtures("installed_before", "quick_update")
def test_migrations_with_a_conflict_are_not_checked(planted: Path, tmp_path: Path) -> None:
    service = copy_of_release(planted, TIP, {"example": False}, tmp_path / "service")
    add_a_migration_of_the_team(service)
    own = service / "migrations/versions/0002_nickname.py"
    own.rename(own.with_name("0002_tasks.py"))
    commit_all(service)

    result = run_task(service, "update", "--data", "example=true")

    assert result.returncode == 1
    file = "migrations/versions/0002_tasks.py"
    assert f"\n    {file}: you and the template added it\n" in result.stderr
    assert f"The migrations are not checked: {file} can't be read: " in result.stdout


# ── `copier update` ──────────────────────────────────────────────────────────


def test_after_copier_update_the_tests_say_which_command_merges(
    planted: Path, programs: dict[str, Path], tmp_path: Path
) -> None:
    service = copy_of_release(planted, TIP, {}, tmp_path / "service")
    add_a_migration_of_the_team(service)

    update(service, NEXT)

    assert conflicts(service) == []

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs["sqlite"] / program), *arguments]
        return subprocess.run(
            command, cwd=service, env=own_environment(), capture_output=True, text=True
        )

    suite = run("pytest", "-q")
    sentence = (
        "The migrations have 2 heads, 5f0c1a2b3d4e and template_phone_and_tasks. "
        "Merge them: uv run poe migration --merge"
    )
    assert (suite.returncode, sentence in suite.stdout) == (1, True), suite.stdout
    assert run("poe", "migration", "--merge").returncode == 0
    assert list((service / "migrations/versions").glob("0004_merge_*.py"))
    assert len(heads_of(service)) == 1
    suite = run("pytest", "-q", "tests/integration/test_migrations.py")
    assert suite.returncode == 0, suite.stdout
