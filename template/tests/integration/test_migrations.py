from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import URL, Connection

from app.db.base import Base
from migrations.failures import describe
from tests.database import RunOn, alembic_config
from tests.plugins.databases import definitions
from tests.rows import NoRowError, add_rows

# What the rows hold that these tests make, where it can't be guessed: "tasks.priority": 3. A function
# gets a number, for a value that must be unique. A table that is named itself gets no rows.
VALUES: dict[str, Any] = {
    # Your own values go below this line.
}

# What migrations create and no model has, or the other way round: "tasks.ix_tasks_title".
DIFFERENT: list[str] = [
    # Your own tables, columns, constraints and indexes go below this line.
]

# Revisions that fail where there are rows, but have run everywhere. Rows come after them.
WITHOUT_ROWS: list[str] = [
    # Your own revisions go below this line.
]

FILE = "tests/integration/test_migrations.py"

CURE = f"""\
There are rows in real tables: let the migration give them what it asks for. If no such row can
exist, say so in VALUES of {FILE}; if the migration has run
everywhere, name it in WITHOUT_ROWS; if it can't be undone, let it raise NotImplementedError.
"""


def test_the_migrations_create_what_the_models_say(
    run_on: RunOn, database_url: URL, empty_database: URL
) -> None:
    run_on(empty_database, Base.metadata.create_all)

    migrated, models = run_on(database_url, definitions), run_on(empty_database, definitions)
    differences = [
        f"{name}: {models.get(name, 'nothing')} in the models, "
        f"{migrated.get(name, 'nothing')} by the migrations"
        for name in sorted(migrated.keys() | models.keys())
        if migrated.get(name) != models.get(name)
        and not {name, name.partition(".")[0]}.intersection(DIFFERENT)
    ]
    if differences:
        cure = (
            "Write a migration: uv run poe migration 'what it does'. It does not see everything, "
            f"such as a CHECK: add that by hand. Put what is meant to differ into DIFFERENT of {FILE}."
        )
        pytest.fail("\n".join([*differences, cure]), pytrace=False)


def test_each_migration_can_be_done_and_undone_where_there_are_rows(
    run_on: RunOn, database_url: URL, empty_database: URL
) -> None:
    done: list[str] = []

    def add_rows_after(ctx: MigrationContext, step: MigrationInfo, **others: object) -> None:
        assert ctx.connection
        done.append(step.up_revision_id or "")
        if set(done).issuperset(WITHOUT_ROWS):
            number = len(done) * 3
            add_rows(ctx.connection, VALUES, range(number, number + 3))

    def move(command: Callable[[Config, str], None], revision: str, **options: Any) -> None:
        options["transaction_per_migration"] = True

        def run(connection: Connection) -> None:
            config = alembic_config(empty_database, connection=connection, options=options)
            command(config, revision)

        run_on(empty_database, run)

    with said_in_a_sentence():
        move(command.upgrade, "head", on_version_apply=add_rows_after)
        since = max(WITHOUT_ROWS, key=done.index, default="base")
        try:
            move(command.downgrade, since, on_version_apply=add_rows_after)
        except NotImplementedError:  # a migration that says that it can't be undone
            return
        if since == "base":
            assert run_on(empty_database, definitions) == {}
        move(command.upgrade, "head")

    assert run_on(empty_database, definitions) == run_on(database_url, definitions)


@contextmanager
def said_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except AssertionError:
        raise
    except NoRowError as error:
        problem = f"{error}. Give its columns values, in VALUES of {FILE}."
    except Exception as error:
        problem = f"{describe(error)}\n{CURE}"
    else:
        return
    pytest.fail(problem, pytrace=False)
