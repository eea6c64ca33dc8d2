"""Makes a database for `poe migration`, and writes what is special about this kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL
from sqlalchemy.types import TypeEngine

from migrations.autogenerate import let_rows_pass, render_type


@contextmanager
def new_database() -> Iterator[URL]:
    with TemporaryDirectory() as folder:
        yield URL.create("sqlite+aiosqlite", database=str(Path(folder) / "new.db"))


def render_item(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    return render_type(item, context) if isinstance(item, TypeEngine) else False


def process_revision_directives(
    context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]
) -> None:
    for script in directives:
        let_rows_pass(script, context)
