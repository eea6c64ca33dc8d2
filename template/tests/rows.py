"""Rows for tables of which only the database is known, since a model has no past."""

import re
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CHAR,
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
    exc,
    null,
)
from sqlalchemy.schema import sort_tables_and_constraints

Row = dict[str, Any]

LONG_TEXT = 1_000  # where a column has no limit

UNKNOWN = (NotImplementedError, KeyError)


class NoRowError(Exception):
    pass


def add_rows(connection: Connection, values: Mapping[str, Any], numbers: range) -> None:
    """Adds a row for each number to each table; the last has NULL wherever it may.

    They are equal except where they must not be, and their texts are as long as they may be, so
    that the next migration meets what it could meet in production.
    """
    tables, cycles = reflect(connection)
    tables = [table for table in tables if table.fullname not in values]
    rows = {
        table: [new_row(table, values, number, number == numbers[-1]) for number in numbers]
        for table in tables
    }
    for table in tables:
        for index, row in enumerate(rows[table]):
            for key in table.foreign_key_constraints:
                if not (key in cycles and is_nullable(key)):
                    refer(row, key, rows, index)
            insert(connection, table, row)
    for key in filter(is_nullable, cycles):
        for index, row in enumerate(rows.get(key.table, [])[:-1]):
            refer(row, key, rows, index)
            where = [column == row[column.name] for column in key.table.primary_key]
            new = {name: row[name] for name in key.column_keys if name in row}
            connection.execute(key.table.update().where(*where).values(new))


def reflect(connection: Connection) -> tuple[list[Table], set[ForeignKeyConstraint]]:
    """Returns the tables, parents first, and the foreign keys with which they form a circle."""
    metadata = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)  # about a type that it doesn't know
        metadata.reflect(connection)
    metadata.remove(metadata.tables["alembic_version"])
    ordered = sort_tables_and_constraints(metadata.tables.values())  # type: ignore[no-untyped-call]
    *ordered, (_, cycles) = ordered
    return [table for table, _ in ordered if table is not None], set(cycles)


def is_nullable(key: ForeignKeyConstraint) -> bool:
    return all(column.nullable for column in key.columns)


def new_row(table: Table, values: Mapping[str, Any], number: int, is_sparse: bool) -> Row:
    """Makes a row without those foreign keys that it must have."""
    row: Row = {}
    different = different_columns(table)
    for column in table.columns:
        name, is_different = column.name, column.name in different
        if (given := f"{table.fullname}.{name}") in values:
            value = values[given]
            row[name] = value(number) if callable(value) else value
        elif column.computed or column.identity:
            pass  # the database makes it
        elif column.server_default and (is_sparse or is_different):
            pass
        elif column.nullable and is_sparse:
            row[name] = null()
        elif not column.foreign_keys:
            row[name] = example(column, number if is_different else 0)
    return row


def different_columns(table: Table) -> set[str]:
    """Returns one column of each key, as few as possible."""
    keys = [list(table.primary_key.columns)]
    keys += [list(key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    for index in table.indexes:
        if index.unique:
            words = set(re.findall(r"\w+", " ".join(map(str, index.expressions))))
            keys.append([column for column in table.columns if column.name in words])
    different: set[str] = set()
    for key in sorted(filter(None, keys), key=len):
        if different.isdisjoint(column.name for column in key):
            own = [column for column in key if not column.foreign_keys and has_many_values(column)]
            different.add((own or key)[0].name)
    return different


def has_many_values(column: Column[Any]) -> bool:
    return not isinstance(column.type, Boolean | Enum)


def example(column: Column[Any], number: int) -> Any:
    """Returns the same value for the same number."""
    kind = column.type
    if isinstance(kind, Enum):
        return kind.enums[number % len(kind.enums)]
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, CHAR) and kind.length == 32:
        return f"{number:032x}"  # a UUID, where the database has no type for it
    if isinstance(kind, String):
        length = kind.length or LONG_TEXT
        return f"{number:x}"[-length:].ljust(length, "x")
    if isinstance(kind, Numeric) and kind.precision and kind.scale:
        whole = 10 ** (kind.precision - kind.scale)
        return Decimal(number or 1) if number < whole else Decimal(number).scaleb(-kind.scale)
    if isinstance(kind, DateTime):
        start = datetime(2026, 1, 1, tzinfo=UTC if kind.timezone else None)
        return start + timedelta(days=number)
    examples: dict[type, Any] = {
        bool: number % 2 == 0,
        bytes: str(number).encode(),
        date: date(2026, 1, 1) + timedelta(days=number),
        Decimal: Decimal(number or 1),
        float: float(number or 1),
        # Not a number that a migration would choose.
        int: 10_000 + number if number else 1,
        list: [],
        time: time(number % 24),
        timedelta: timedelta(days=number),
        UUID: UUID(int=number),
    }
    try:
        return examples[kind.python_type]
    except UNKNOWN:
        if column.nullable:
            return null()
        raise NoRowError(f"No value is known for {column}, which is a {kind}") from None


def refer(row: Row, key: ForeignKeyConstraint, rows: Mapping[Table, list[Row]], index: int) -> None:
    """Lets all rows refer to the same one, unless they must be different."""
    if key.referred_table not in rows or not row.keys().isdisjoint(key.column_keys):
        return
    is_different = not different_columns(key.table).isdisjoint(key.column_keys)
    parent = rows[key.referred_table][index if is_different else 0]
    for element in key.elements:
        if element.column.name in parent:
            row[element.parent.name] = parent[element.column.name]


def insert(connection: Connection, table: Table, row: Row) -> None:
    try:
        result = connection.execute(table.insert().values(row))
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise NoRowError(f"No row can be put into {table.fullname}: {reason}") from error
    keys = result.inserted_primary_key or ()
    row.update(zip(table.primary_key.columns.keys(), keys, strict=True))
