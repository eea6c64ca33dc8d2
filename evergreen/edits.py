"""Edits that teams make to a committed service before they update it."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from evergreen.questions import Answers
from evergreen.releases import commit_all


@dataclass(frozen=True)
class Scenario:
    """An edit, the answers that a service needs for it, and whether an update may conflict."""

    edit: Callable[[Path], None]
    answers: Answers = field(default_factory=dict)
    may_conflict: bool = False
    """Whether some release changed the same lines as the edit."""
    database: int = 0
    """The index of one of the databases that the release offers: the first (0) or the last (-1)."""


def insert_below(file: Path, seam: str, lines: str) -> None:
    """Inserts lines below the comment for a team's own; raises `AssertionError` without it."""
    text = file.read_text()
    found = re.search(rf"^ *(?:#|<!--) {seam} go below this line\.(?: -->)?\n", text, re.MULTILINE)
    assert found, f"{file} has no seam for {seam}"
    file.write_text(text[: found.end()] + lines + text[found.end() :])


def append(file: Path, lines: str) -> None:
    file.write_text(file.read_text() + lines)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} does not contain {old!r}"
    file.write_text(text.replace(old, new))


def replace_once(file: Path, old: str, new: str) -> None:
    """Raises `AssertionError` unless the file contains `old` exactly once."""
    text = file.read_text()
    assert text.count(old) == 1, f"{file} contains {old!r} {text.count(old)} times, not once"
    file.write_text(text.replace(old, new))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def add_a_dependency(service: Path) -> None:
    insert_below(service / "pyproject.toml", "Your own dependencies", '    "anyio>=4.0.0",\n')
    insert_below(service / "pyproject.toml", "Your own tools", '    "pathspec>=0.12",\n')


NOTES_ROUTES = """\
from fastapi import APIRouter

from app.auth.dependencies import CurrentUser

router = APIRouter(prefix="/notes", tags=["notes"])


@router.get("")
async def list_notes(user: CurrentUser) -> list[str]:
    return [f"A note of {user.email}"]
"""
NOTES_TEST = """\
from tests.client import AsyncClient


async def test_notes_are_listed(client: AsyncClient) -> None:
    response = await client.get("/notes")

    assert response.status_code == 200
"""


def add_a_slice(service: Path) -> None:
    write(service / "app/notes/__init__.py", "")
    write(service / "app/notes/routes.py", NOTES_ROUTES)
    write(service / "tests/test_notes.py", NOTES_TEST)
    main = service / "app/main.py"
    insert_below(
        main,
        "The imports of your own routers",
        "from app.notes.routes import router as notes_router\n",
    )
    insert_below(main, "Your own routers", "    app.include_router(notes_router)\n")


def add_a_setting(service: Path) -> None:
    insert_below(
        service / "app/settings.py",
        "The settings of your own slices",
        '    greeting: str = "Hello"\n',
    )
    append(service / ".env.example", "\n# How users are greeted.\nGREETING=Hello\n")


def add_a_middleware(service: Path) -> None:
    main = service / "app/main.py"
    insert_below(
        main,
        "The imports of your own routers",
        "from starlette.middleware.gzip import GZipMiddleware\n",
    )
    insert_below(
        main, "Your own routers", "    app.add_middleware(GZipMiddleware, minimum_size=5000)\n"
    )


def rewrite_the_readme(service: Path) -> None:
    write(service / "README.md", "# Ours\n\nWe have written all of this ourselves.\n")


def change_the_dockerfile(service: Path) -> None:
    replace(service / "Dockerfile", "EXPOSE 8000\n", "EXPOSE 8000\nENV TZ=Europe/Vienna\n")


def add_a_job(service: Path) -> None:
    job = """\

  ours:
    name: A job of ours
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - name: Say something
        run: echo Something
"""
    append(service / ".github/workflows/ci.yml", job)


def extend_conftest(service: Path) -> None:
    append(
        service / "tests/conftest.py",
        '\n\n@pytest.fixture\ndef greeting() -> str:\n    return "Hello"\n',
    )
    write(
        service / "tests/test_greeting.py",
        'def test_the_greeting_is_friendly(greeting: str) -> None:\n    assert greeting == "Hello"\n',
    )


EXAMPLE = (
    "app/tasks",
    "migrations/versions/0002_tasks.py",
    "tests/integration/test_concurrent_tasks.py",
    "tests/services/test_tasks_service.py",
    "tests/test_task_schemas.py",
    "tests/test_tasks.py",
)


def delete_the_example(service: Path) -> None:
    """Deletes it by hand, as the README of the service describes."""
    for name in EXAMPLE:
        if (service / name).is_dir():
            shutil.rmtree(service / name)
        else:
            (service / name).unlink(missing_ok=True)
    main = service / "app/main.py"
    lines = main.read_text().splitlines(keepends=True)
    main.write_text("".join(line for line in lines if "tasks_router" not in line))


def turn_the_example_into_something_else(service: Path) -> None:
    """Adds a note to tasks, in the model and in a migration."""
    replace(
        service / "app/tasks/models.py",
        "    done: Mapped[bool]",
        "    note: Mapped[str | None]\n    done: Mapped[bool]",
    )
    write(
        service / "migrations/versions/0003_notes.py",
        "import sqlalchemy as sa\nfrom alembic import op\n\n"
        'revision = "0003"\ndown_revision = "0002"\nbranch_labels = None\ndepends_on = None\n\n\n'
        "def upgrade() -> None:\n"
        '    op.add_column("tasks", sa.Column("note", sa.String(), nullable=True))\n\n\n'
        'def downgrade() -> None:\n    op.drop_column("tasks", "note")\n',
    )


def add_a_migration(service: Path) -> None:
    write(
        service / "migrations/versions/0003_lower_case.py",
        "from alembic import op\n\n"
        'revision = "0003"\ndown_revision = "0002"\nbranch_labels = None\ndepends_on = None\n\n\n'
        'def upgrade() -> None:\n    op.execute("UPDATE users SET email = lower(email)")\n\n\n'
        "def downgrade() -> None:\n    pass\n",
    )


def reformat_files(service: Path) -> None:
    """Breaks long lines, as the formatter of a team with shorter lines does."""
    for name in ("app/errors.py", "app/tasks/service.py"):
        file = service / name
        file.write_text(re.sub(r"\(([^()\n]{40,})\):?$", break_line, file.read_text(), flags=re.M))


def break_line(found: re.Match[str]) -> str:
    end = ":" if found[0].endswith(":") else ""
    return f"(\n        {found[1]}\n    ){end}"


def move_a_file(service: Path) -> None:
    text = (service / "tests/test_errors.py").read_text()
    write(service / "tests/unit/test_errors.py", text)
    (service / "tests/test_errors.py").unlink()


def commit_the_lock_file(service: Path) -> None:
    write(service / "uv.lock", 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n')


SCENARIOS = {
    "a dependency is added": Scenario(add_a_dependency),
    "a router and a slice are added": Scenario(add_a_slice, database=-1),
    "a setting is added": Scenario(add_a_setting, may_conflict=True),
    "a middleware is added": Scenario(add_a_middleware),
    "the README is rewritten": Scenario(rewrite_the_readme, may_conflict=True),
    "the Dockerfile is changed": Scenario(change_the_dockerfile, {"container": True}),
    "a CI job is added": Scenario(add_a_job, {"ci": "github"}),
    "conftest.py is extended": Scenario(extend_conftest, may_conflict=True),
    "the example is deleted": Scenario(delete_the_example, {"example": True}, may_conflict=True),
    "the example is turned into something else": Scenario(
        turn_the_example_into_something_else, {"example": True}
    ),
    "a migration is added": Scenario(add_a_migration, {"example": True}, database=-1),
    "files are reformatted": Scenario(reformat_files, {"example": True}, may_conflict=True),
    "a file is moved": Scenario(move_a_file, may_conflict=True),
    "the lock file is committed": Scenario(commit_the_lock_file),
}


def make_ten_commits(service: Path) -> None:
    """Commits what a team might do in its first weeks."""
    for edit in (add_a_dependency, add_a_slice, add_a_migration):
        edit(service)
        commit_all(service, edit.__name__.replace("_", " ").capitalize())
    for number in range(1, 8):
        write(service / f"docs/decisions/{number:04}.md", f"# Decision {number}\n")
        commit_all(service, f"Write down decision {number}")
