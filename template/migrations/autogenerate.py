"""Writes types as the database knows them, and gives the rows that exist what they need."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import sqlalchemy
from alembic.autogenerate import render, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    DefaultClause,
    Dialect,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    exc,
    literal,
    text,
)
from sqlalchemy.types import TypeEngine

# ── Types ────────────────────────────────────────────────────────────────────


def render_type(item: TypeEngine[Any], context: AutogenContext) -> str | Literal[False]:
    """Renders the type as what it is in the database of this service.

    A migration stays as it is when the types of the models change or go.
    """
    assert context.dialect
    plain = plain_type(item, context.dialect)
    if plain is not item:
        return render._repr_type(plain, context)
    module = type(item).__module__
    if not module.startswith("sqlalchemy."):
        context.imports.add(f"import {module}")
    return False  # Alembic renders it


def plain_type(item: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    """Returns the type of SQLAlchemy that stores this one, or this one where there is none."""
    if dialect.name in item._variant_mapping:
        return plain_type(item._variant_mapping[dialect.name], dialect)
    if item._variant_mapping:
        item = item.copy()
        item._variant_mapping = type(item._variant_mapping)()
    public = public_types(dialect)
    if type(item) in public:
        return item
    if isinstance(item, TypeDecorator):
        return plain_type(item.load_dialect_impl(dialect), dialect)
    for base in type(item).__mro__:
        if base in public:
            return item.adapt(base)
    return item


def public_types(dialect: Dialect) -> set[type]:
    modules = [sqlalchemy, import_module(f"sqlalchemy.dialects.{dialect.name}")]
    names = [value for module in modules for value in vars(module).values()]
    return {name for name in names if isinstance(name, type)} - {TypeDecorator}


# ── Rows that exist ──────────────────────────────────────────────────────────


@dataclass(eq=False)
class RaiseOp(ops.MigrateOperation):
    """Writes a line that stops the migration, for someone to replace."""

    error: type[Exception]
    message: str


@renderers.dispatch_for(RaiseOp)
def render_raise(context: AutogenContext, operation: RaiseOp) -> str:
    return f"raise {operation.error.__name__}({operation.message!r})"


def let_rows_pass(script: ops.MigrationScript, context: MigrationContext) -> None:
    """Gives the rows that exist what a column asks for that is NOT NULL from now on."""
    assert script.upgrade_ops
    assert script.downgrade_ops
    upgrade, downgrade = script.upgrade_ops.ops, script.downgrade_ops.ops
    upgrade[:] = [step for group in upgrade for step in with_values(group, context)]
    reasons = [reason for group in downgrade for reason in reasons_against(group, context.dialect)]
    if reasons:
        message = f"{'; '.join(reasons)}. Delete this line where no row is in the way."
        downgrade.insert(0, RaiseOp(NotImplementedError, message))


def with_values(
    group: ops.MigrateOperation, context: MigrationContext
) -> Iterator[ops.MigrateOperation]:
    if not isinstance(group, ops.ModifyTableOps):
        yield group
        return
    table, schema = group.table_name, group.schema
    updates: list[ops.MigrateOperation] = []
    last: list[ops.MigrateOperation] = []
    for step in group.ops:
        if isinstance(step, ops.AlterColumnOp) and is_narrowed(step, context.dialect):
            yield RaiseOp(
                RuntimeError,
                f"{table}.{step.column_name} gets shorter: replace this line by an UPDATE that "
                "cuts what is too long",
            )
        if isinstance(step, ops.AlterColumnOp) and step.modify_nullable is False:
            tables = context.opts["target_metadata"].tables
            column = tables[f"{schema}.{table}" if schema else table].c[step.column_name]
            yield update_of_nulls(column, context.dialect)
        elif isinstance(step, ops.AddColumnOp) and needs_value(step.column):
            column = step.column
            step.column = column._copy()
            default = None if is_unique(column) else sql_default(column, context.dialect)
            change: dict[str, Any] = {"existing_type": column.type}
            if default is None:
                step.column.nullable = True
                change |= {"modify_nullable": False}
                updates.append(missing_update(column))
            else:
                step.column.server_default = server_default(default)
                change |= {"existing_nullable": False, "modify_server_default": None}
            last.append(ops.AlterColumnOp(table, column.name, schema=schema, **change))
    yield group
    yield from updates
    if last:
        yield ops.ModifyTableOps(table, last, schema=schema)


def needs_value(column: Column[Any]) -> bool:
    return not (column.nullable or column.server_default or column.computed or column.identity)


def is_unique(column: Column[Any]) -> bool:
    table = column.table
    assert isinstance(table, Table)
    constraints = [key for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys = [key.columns for key in constraints]
    keys += [index.columns for index in table.indexes if index.unique]
    return column.primary_key or any(column.name in key for key in keys)


def sql_default(column: Column[Any], dialect: Dialect) -> str | None:
    """Returns the default of the model in SQL, unless a function of Python makes it."""
    default: Any = column.default
    if default is None or not (default.is_scalar or default.is_clause_element):
        return None
    value = default.arg if default.is_clause_element else literal(default.arg, column.type)
    try:
        return str(value.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except exc.CompileError:  # SQL has no literal of this type
        return None


def server_default(sql: str) -> DefaultClause:
    is_text = re.fullmatch("'(?:[^']|'')*'", sql)
    return DefaultClause(sql[1:-1].replace("''", "'") if is_text else text(sql))


def update_of_nulls(column: Column[Any], dialect: Dialect) -> ops.MigrateOperation:
    default = sql_default(column, dialect)
    if default is None:
        return missing_update(column)
    quote = dialect.identifier_preparer
    table, name = quote.format_table(column.table), quote.format_column(column)
    return ops.ExecuteSQLOp(f"UPDATE {table} SET {name} = {default} WHERE {name} IS NULL")


def missing_update(column: Column[Any]) -> ops.MigrateOperation:
    why = "unique" if is_unique(column) else "NOT NULL and has no default"
    return RaiseOp(
        RuntimeError,
        f"{column} is {why}: replace this line by an UPDATE that gives the rows that exist a value",
    )


def reasons_against(group: ops.MigrateOperation, dialect: Dialect) -> Iterator[str]:
    """Says which rows that exist would stop this part of a downgrade."""
    if not isinstance(group, ops.ModifyTableOps):
        return
    table = group.table_name
    new = {step.column.name for step in group.ops if isinstance(step, ops.AddColumnOp)}
    dropped = {key_of(step.reverse()) for step in group.ops if isinstance(step, DROPPED)}
    for step in group.ops:
        if isinstance(step, ops.AddColumnOp) and needs_value(step.column):
            yield f"{table}.{step.column.name} was NOT NULL, and its values are gone"
        elif isinstance(step, ops.AlterColumnOp) and step.modify_nullable is False:
            yield f"{table}.{step.column_name} may be NULL by now"
        elif isinstance(step, ops.AlterColumnOp) and is_narrowed(step, dialect):
            yield f"{table}.{step.column_name} may be too long by now"
        elif (key := key_of(step)) and key not in dropped and not new.intersection(key[1]):
            yield f"{table}.{', '.join(key[1])} {key[0]}"


def is_narrowed(step: ops.AlterColumnOp, dialect: Dialect) -> bool:
    if step.modify_type is None or step.existing_type is None:
        return False
    old, new = plain_type(step.existing_type, dialect), plain_type(step.modify_type, dialect)
    if not (isinstance(old, String) and isinstance(new, String) and new.length):
        return False
    return old.length is None or new.length < old.length


DROPPED = (ops.DropConstraintOp, ops.DropIndexOp)


def key_of(step: ops.MigrateOperation) -> tuple[str, tuple[str, ...]] | None:
    if isinstance(step, ops.CreateForeignKeyOp):
        return "may refer to rows that don't exist", tuple(step.local_cols)
    if isinstance(step, ops.CreateUniqueConstraintOp) or (
        isinstance(step, ops.CreateIndexOp) and step.unique
    ):
        return "may be the same in several rows by now", tuple(map(str, step.columns))
    return None
