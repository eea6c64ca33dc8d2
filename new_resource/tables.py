"""Describes the tables of a service, in JSON: run by the Python of the service, in its folder."""

import json
import sys
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass
class Table:
    name: str
    class_name: str
    module: str
    is_owned: bool
    problem: str = ""
    """Why no other resource can name a row of it."""
    arguments: dict[str, str] = field(default_factory=dict)
    """Expressions for what a new row must have; they may use `number`."""
    references: dict[str, str] = field(default_factory=dict)
    """The tables that a new row must name, by column."""


def tables_of(printed: str) -> dict[str, Table]:
    return {name: Table(**values) for name, values in json.loads(printed).items()}


def find_tables() -> dict[str, Table]:
    sys.path.insert(0, str(Path.cwd()))
    for path in sorted(Path("app").rglob("*.py")):
        if path.name != "__main__.py":
            parts = path.with_suffix("").parts
            import_module(".".join(parts).removesuffix(".__init__"))
    base = import_module("app.db.base").Base
    found = {}
    for mapper in base.registry.mappers:
        table = describe(mapper)
        if table:
            found[table.name] = table
    return found


def describe(mapper: Any) -> Table | None:
    columns = list(mapper.local_table.columns)
    owner = [column for column in columns if column.name == "owner_id"]
    table = Table(
        name=mapper.local_table.name,
        class_name=mapper.class_.__name__,
        module=mapper.class_.__module__,
        is_owned=bool(owner) and target_of(owner[0]) == "users",
    )
    keys = [column for column in columns if column.primary_key]
    if [key.name for key in keys] != ["id"] or keys[0].type.python_type.__name__ != "UUID":
        table.problem = "its primary key is not an id that is a UUID"
    for column in columns:
        if column in keys or (table.is_owned and column in owner):
            continue
        if column.nullable or column.default or column.server_default or column.computed:
            continue
        name = mapper.get_property_by_column(column).key
        if target := target_of(column):
            table.references[name] = target
        elif expression := expression_for(column):
            table.arguments[name] = expression
        else:
            table.problem = f"no value is known for its {name}, which is a {column.type!r}"
    return table


def target_of(column: Any) -> str:
    """The table that it names, or nothing."""
    return next((key.target_fullname.split(".")[0] for key in column.foreign_keys), "")


def expression_for(column: Any) -> str:
    kind = column.type
    if enum := getattr(kind, "enum", None):
        return repr(next(iter(enum)).value)
    if enums := getattr(kind, "enums", None):
        return repr(enums[0])
    if kind.__visit_name__ in ("JSON", "JSONB"):
        return "{}"
    try:
        python_type = getattr(kind, "impl", kind).python_type
    except NotImplementedError:
        return ""
    if python_type is str:
        prefix = f"{column.name} "
        return f'f"{prefix}{{number}}"' if (kind.length or 99) > len(prefix) else 'f"{number}"'
    return EXPRESSIONS.get(python_type.__name__, "")


EXPRESSIONS = {
    "int": "number",
    "float": "number",
    "Decimal": "number",
    "bool": "False",
    "date": "date(2026, 12, 1 + number)",
    "datetime": "now()",
    "UUID": "UUID(int=number)",
    "dict": "{}",
    "bytes": 'b"x"',
}

if __name__ == "__main__":
    described = {name: asdict(table) for name, table in find_tables().items()}
    sys.stdout.write(f"\n{json.dumps(described)}\n")
