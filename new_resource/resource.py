"""Reads the command line: the name of a resource, and what it is."""

import builtins
import re
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from new_resource.fields import Field, FieldError, article_of, read_fields, refuse_name
from new_resource.tables import Table

# Names that the modules of a slice and its tests, or tests/conftest.py, have already.
TAKEN = {
    *dir(builtins),  # ruff accepts no variable of such a name
    *("add_user", "anonymous_client", "app", "base", "bindparam", "change", "changed", "changes"),
    *("client", "client_as", "connection", "counted", "created", "created_at", "date", "datetime"),
    *("decimal", "delete", "deleted_id", "engine", "error", "error_type", "fake_user", "field"),
    *("filter", "found", "found_id", "func", "get_current_user", "gone", "id", "index", "invalid"),
    *("listed", "live", "locked", "log", "mapped", "mapped_column", "model_config", "name", "new"),
    *("new_session", "now", "number", "numeric", "of_another_user", "optional", "other"),
    *("other_client", "other_id", "other_user", "own", "owner", "owner_id", "path", "place"),
    *("problem", "pytest", "query", "request", "response", "router", "second", "select", "sent"),
    *("sequence", "service", "session", "setting", "sort", "start", "stored", "string", "task_id"),
    *("test", "tested", "text", "time", "timedelta", "token", "unknown", "update", "user"),
    *("uuid4", "value"),
    # Their classes.
    *("after_validator", "annotated", "any", "async_client", "async_session", "base_model"),
    *("big_integer", "config_dict", "conflict_error", "current_user", "email_str"),
    *("enum_by_value", "foreign_key", "integrity_error", "literal", "not_found_error"),
    *("session_dep", "str_enum", "unique_constraint"),
}
PATHS = {"docs", "redoc", "livez", "readyz"}
MAX_INDEX = 63  # the characters that PostgreSQL keeps of a name


@dataclass
class Resource:
    name: str
    plural: str
    fields: list[Field]
    is_shared: bool = False
    parent: dict[str, Any] | None = None
    references: list[dict[str, Any]] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """What belongs to it alone, apart from its migration."""
        return [
            f"app/{self.plural}/",
            f"tests/services/test_{self.plural}_service.py",
            f"tests/test_{self.plural}.py",
        ]

    @property
    def collection(self) -> str:
        """The path of its routes."""
        own = f"/{self.plural.replace('_', '-')}"
        if not self.parent:
            return own
        return f"{self.parent['path']}/{{{self.parent['name']}_id}}{own}"

    @property
    def routes(self) -> list[tuple[str, str]]:
        row = f"{self.collection}/{{{self.name}_id}}"
        return [
            *(("POST", self.collection), ("GET", self.collection)),
            *((method, row) for method in ("GET", "PATCH", "DELETE")),
        ]

    def as_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "plural": self.plural,
            "article": article_of(self.name),
            "fields": [one.as_data() for one in self.fields],
            "is_shared": self.is_shared,
            "parent": self.parent,
            "references": self.references,
        }


def read_resource(options: Namespace) -> Resource:
    """Reads what needs no look into the service."""
    name, plural = read_names(options.name, options.plural)
    fields = read_fields(options.fields)
    if not fields:
        raise FieldError(f"Which fields has {name}? Write at least one, as in title:str.")
    if all(one.has_default for one in fields):
        raise FieldError("A resource needs a field without a default, for what creates it.")
    for one in fields:
        if one.name in (name, plural) or one.attribute == f"{name}_id":
            raise FieldError(f"The field {one.name} has the name of the resource: choose another.")
    return Resource(name, plural, fields, options.shared)


def read_names(name: str, chosen_plural: str | None) -> tuple[str, str]:
    """Returns the name of a resource and its plural."""
    plural = chosen_plural or plural_of(name)
    refuse_name(name, "resource")
    refuse_name(plural, "plural")
    if plural in PATHS:
        raise FieldError(f"/{plural} has a page already: name another plural, with --plural.")
    for taken in (name, plural):
        if taken in TAKEN or taken.removesuffix("s") in TAKEN:
            raise FieldError(f"{taken} is the name of something else in a slice: choose another.")
    if plural == name:
        raise FieldError(f"The plural of {name} has to differ from it: --plural {name}_list?")
    if looks_plural(name) and not chosen_plural:
        raise FieldError(
            f"{name} looks like a plural already: write {name.removesuffix('s')}, or name its "
            f"plural, as in --plural {name}es."
        )
    return name, plural


def plural_of(name: str) -> str:
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in tuple("aeiou"):
        return f"{name.removesuffix('y')}ies"
    return f"{name}s"


def looks_plural(name: str) -> bool:
    return name.endswith("s") and not name.endswith(("ss", "us", "is", "as"))


# ── In a service ─────────────────────────────────────────────────────────────


def refuse_what_exists(resource: Resource, folder: Path) -> None:
    if not (folder / "app/main.py").is_file():
        raise FieldError(f"There is no app/main.py in {folder}.")
    for path in resource.files:
        if (folder / path).exists():
            raise FieldError(f"{path} exists already: choose another name.")
    if (folder / f"app/{resource.plural}.py").exists():
        raise FieldError(f"app/{resource.plural}.py exists already: choose another name.")
    names = [f"{verb}_{resource.name}" for verb in ("create", "read", "update", "delete")]
    function = re.compile(rf"\bdef ({'|'.join([*names, f'list_{resource.plural}'])})\(")
    for file in sorted((folder / "app").rglob("routes.py")):
        if found := function.search(file.read_text("utf-8")):
            place = file.relative_to(folder)
            raise FieldError(f"{place} has a function {found[1]} already: choose another name.")


def find_rows(resource: Resource, parent: str | None, tables: dict[str, Table]) -> None:
    """Looks up the resources that this one names, and how tests create rows of them."""
    if resource.plural in {table.name for table in tables.values()}:
        raise FieldError(f"There is a table {resource.plural} already: choose another name.")
    if parent:
        resource.parent = found = described(parent, tables, resource)
        if found["class"] == "User":
            raise FieldError("What is in a user is what has an owner: leave out --in.")
        if resource.is_shared and found["is_owned"]:
            raise FieldError(
                f"The rows of {found['table']} have owners, so those in them can't be shared."
            )
        for one in resource.fields:
            if one.attribute == f"{parent}_id":
                raise FieldError(f"--in gives the rows a {one.attribute} already: leave it out.")
    for one in resource.fields:
        if one.kind != "ref":
            continue
        if one.target == resource.name:
            raise FieldError(
                f"{one.name}:ref:{one.target}: a resource can't name rows of its own yet. Leave it "
                "out, and add that field by hand."
            )
        one.ref = described(one.target, tables, resource)
        if resource.is_shared and one.ref["is_owned"]:
            raise FieldError(
                f"The rows of {one.ref['table']} have owners, so what every user can use can't "
                "name them."
            )
    named = [resource.parent] if resource.parent else []
    named += [one.ref for one in resource.fields if one.ref]
    by_fixture = {row["fixture"]: row for row in named}
    needed: dict[str, dict[str, Any]] = {}
    for row in by_fixture.values():
        add_with_parents(row, tables, resource, needed)
    resource.references = list(needed.values())
    index = "ix_" + "_".join(
        [
            resource.plural,
            *([] if resource.is_shared else ["owner_id"]),
            *([f"{resource.parent['name']}_id"] if resource.parent else []),
            "created_at_id",
        ]
    )
    if len(index) > MAX_INDEX:
        raise FieldError(f"{index} is too long for the name of an index: choose shorter names.")


def described(target: str, tables: dict[str, Table], resource: Resource) -> dict[str, Any]:
    """A resource as the templates of scaffold/ read it."""
    class_name = "".join(part.capitalize() for part in target.split("_"))
    found = [table for table in tables.values() if table.class_name == class_name]
    if len(found) != 1:
        names = ", ".join(sorted(snake_case(table.class_name) for table in tables.values()))
        raise FieldError(f"There is no resource {target}: there are {names}.")
    table = found[0]
    if table.problem:
        raise FieldError(f"{target} can't be referred to: {table.problem}.")
    is_free = table.name not in (resource.plural, resource.name) and (
        table.name.isidentifier() and table.name.removesuffix("s") not in TAKEN - {"user"}
    )
    return {
        "name": target,
        "table": table.name,
        "path": f"/{table.name.replace('_', '-')}",
        "class": table.class_name,
        "module": table.module,
        "is_owned": table.is_owned,
        "fixture": table.name if is_free else f"rows_of_{table.name}",
        "article": article_of(target),
    }


def add_with_parents(
    row: dict[str, Any],
    tables: dict[str, Table],
    resource: Resource,
    needed: dict[str, dict[str, Any]],
) -> None:
    """Adds the fixture of a row, after those of the rows that it needs itself."""
    if row["fixture"] in needed:
        return
    table = next(one for one in tables.values() if one.class_name == row["class"])
    arguments: list[str] = []
    parameters: list[str] = []
    if table.is_owned:
        arguments.append("owner_id=fake_user.id")
    for column, expression in table.arguments.items():
        arguments.append(f"{column}={expression}")
    for column, target in table.references.items():
        other = next((one for one in tables.values() if one.name == target), None)
        if other is None or other.name == table.name:
            raise FieldError(f"{row['name']} can't be referred to: its {column} names {target}.")
        above = described(snake_case(other.class_name), tables, resource)
        add_with_parents(above, tables, resource, needed)
        arguments.append(f"{column}={above['fixture']}[number].id")
        parameter = f"{above['fixture']}: list[{above['class']}]"
        if parameter not in parameters:  # two columns may name rows of one table
            parameters.append(parameter)
    needed[row["fixture"]] = {**row, "arguments": arguments, "parameters": parameters}


def snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
