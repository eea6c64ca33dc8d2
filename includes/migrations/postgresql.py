"""Makes a database for `poe migration`, and writes what is special about this kind."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from uuid import uuid4

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    ARRAY,
    URL,
    Dialect,
    Enum,
    ForeignKeyConstraint,
    Inspector,
    MetaData,
    inspect,
)
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.dialects.postgresql.base import PGDialect, PGInspector
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.types import TypeEngine

from app.db.engine import parse_database_url
from migrations.autogenerate import let_rows_pass, plain_type, render_type

Key = tuple[str | None, str]  # the schema of a type and its name

quote = PGDialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


@contextmanager
def new_database() -> Iterator[URL]:
    import embedded_postgresql  # production has no part of it

    address, lifeline = embedded_postgresql.start("development")
    server = parse_database_url(address)
    url = server.set(database=f"migration_{uuid4().hex[:8]}")
    execute(server, f'CREATE DATABASE "{url.database}"')
    try:
        yield url
    finally:
        execute(server, f'DROP DATABASE "{url.database}"')
        os.close(lifeline)


def execute(url: URL, statement: str) -> None:
    async def execute() -> None:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.exec_driver_sql(statement)
        await engine.dispose()

    asyncio.run(execute())


def render_item(kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
    if not isinstance(item, TypeEngine):
        return False
    assert context.dialect
    plain = plain_type(item, context.dialect)
    if isinstance(plain, Enum) and plain.native_enum:
        # A line of its own creates the type, which several tables may have.
        context.imports.add("from sqlalchemy.dialects import postgresql")
        enum = ENUM(*plain.enums, name=plain.name, schema=plain.schema, create_type=False)
        return f"postgresql.{enum!r}"
    return render_type(item, context)


def process_revision_directives(
    context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]
) -> None:
    for script in directives:
        write_enum_types(script, context)
        let_new_tables_refer_to_each_other(script)
        let_rows_pass(script, context)


def let_new_tables_refer_to_each_other(script: ops.MigrationScript) -> None:
    """Adds a foreign key when both tables are there."""
    assert script.upgrade_ops
    assert script.downgrade_ops
    creations = [step for step in script.upgrade_ops.ops if isinstance(step, ops.CreateTableOp)]
    missing = {(step.schema, step.table_name) for step in creations}
    for step in creations:
        missing.remove((step.schema, step.table_name))
        for key in [part for part in step.columns if isinstance(part, ForeignKeyConstraint)]:
            if (key.referred_table.schema, key.referred_table.name) in missing:
                step.columns = [part for part in step.columns if part is not key]
                addition = ops.CreateForeignKeyOp.from_constraint(key)
                removal = ops.DropConstraintOp.from_constraint(key)
                script.upgrade_ops.ops.append(addition)
                script.downgrade_ops.ops.insert(0, removal)


# ── Enum types ───────────────────────────────────────────────────────────────


def write_enum_types(script: ops.MigrationScript, context: MigrationContext) -> None:
    """Creates, changes and drops the types of the columns that are a native enum."""
    assert context.connection
    assert script.upgrade_ops
    assert script.downgrade_ops
    upgrade, downgrade = script.upgrade_ops.ops, script.downgrade_ops.ops
    inspector = inspect(context.connection)
    assert isinstance(inspector, PGInspector)
    models = enums_of_models(context.opts["target_metadata"], context.dialect)
    schemas = {schema for schema, _ in models} | {None}
    tables = {
        (schema, enum["name"]): enum["labels"]
        for schema in schemas
        for enum in inspector.get_enums(schema)
    }
    for key in sorted(models.keys() - tables.keys(), key=str):
        upgrade[:0] = statements(create(key, models[key]))
        downgrade += statements(drop(key))
    for key in sorted(tables.keys() - models.keys(), key=str):
        upgrade += statements(drop(key))
        downgrade[:0] = statements(create(key, tables[key]))
    for key in sorted(models.keys() & tables.keys(), key=str):
        old, new = tables[key], models[key]
        if old != new:
            added = [label for label in new if label not in old]
            is_extended = [label for label in new if label in old] == old
            upgrade[:0] = statements(
                *(extend(key, new, added) if is_extended else replace(key, new, inspector))
            )
            downgrade += statements(*replace(key, old, inspector))


def enums_of_models(metadata: MetaData, dialect: Dialect) -> dict[Key, list[str]]:
    enums = {}
    for table in metadata.tables.values():
        for column in table.columns:
            plain = plain_type(column.type, dialect)
            if isinstance(plain, ARRAY):
                plain = plain_type(plain.item_type, dialect)
            if isinstance(plain, Enum) and plain.native_enum:
                enums[plain.schema, str(plain.name)] = plain.enums
    return enums


def statements(*sql: str) -> list[ops.MigrateOperation]:
    return [ops.ExecuteSQLOp(statement) for statement in sql]


def create(key: Key, labels: list[str]) -> str:
    return f"CREATE TYPE {name_of(key)} AS ENUM ({', '.join(map(quoted, labels))})"


def drop(key: Key) -> str:
    return f"DROP TYPE {name_of(key)}"


def extend(key: Key, labels: list[str], added: list[str]) -> Iterator[str]:
    # Backwards, so that the label after a new one is always there.
    for label in reversed(added):
        following = labels[labels.index(label) + 1 :]
        place = f" BEFORE {quoted(following[0])}" if following else ""
        yield f"ALTER TYPE {name_of(key)} ADD VALUE {quoted(label)}{place}"


def replace(key: Key, labels: list[str], inspector: Inspector) -> Iterator[str]:
    """A type can't lose a label, so another type takes its place."""
    schema, name = key
    yield f"ALTER TYPE {name_of(key)} RENAME TO {quote(f'{name}_old')}"
    yield create(key, labels)
    for (table_schema, table), columns in inspector.get_multi_columns().items():
        for column in columns:
            kind, brackets = column["type"], ""
            if isinstance(kind, ARRAY):
                kind, brackets = kind.item_type, "[]"
            if not isinstance(kind, Enum) or (kind.schema, kind.name) != key:
                continue
            alter = f"ALTER TABLE {name_of((table_schema, table))} ALTER {quote(column['name'])}"
            if column["default"]:
                yield f"{alter} DROP DEFAULT"
            new_type = f"{name_of(key)}{brackets}"
            cast = f"{quote(column['name'])}::text{brackets}::{new_type}"
            yield f"{alter} TYPE {new_type} USING {cast}"
            if column["default"]:
                yield f"{alter} SET DEFAULT {column['default']}"
    yield f"DROP TYPE {name_of((schema, f'{name}_old'))}"


def name_of(key: Key) -> str:
    return ".".join(quote(part) for part in key if part)


def quoted(label: str) -> str:
    return "'" + label.replace("'", "''") + "'"
