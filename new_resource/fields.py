"""Reads the fields of a resource, such as `title:str:1..200` or `project:ref:project:optional`."""

import keyword
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME = 40
LABEL = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
MAX_LABEL = 32
LIMITS = re.compile(r"(-?[0-9.]*?)\.\.(-?[0-9.]*)")
MAX_TEXT = 10_000
INTEGERS = range(-(2**63), 2**63)
COMMON_INTEGERS = range(-(2**31), 2**31)

# Names that every slice uses for something else, or that a base of its classes has.
TAKEN = {
    *("id", "owner", "owner_id", "created_at", "limit", "offset", "sort"),
    *("metadata", "registry", "query", "type_annotation_map"),
    *("copy", "json", "dict", "schema", "construct", "validate", "fields"),
    # The types in the same class.
    *("date", "datetime", "bool", "int", "float", "str", "list", "now"),
}
UNIQUE_KINDS = ("str", "int", "decimal", "date", "datetime", "uuid", "email", "url")
MAX_UNIQUE_TEXT = 500
LIMITED_KINDS = ("str", "text", "int", "float")
DEFAULT_KINDS = ("str", "text", "int", "float", "decimal", "bool", "enum")
OPTIONS = ("optional", "unique")


class FieldError(Exception):
    """What is wrong with the command line, in a sentence."""


@dataclass
class Field:
    """A field as the templates of scaffold/ read it."""

    name: str
    kind: str
    min: int | float | None = None
    max: int | float | None = None
    digits: int = 0
    places: int = 0
    values: tuple[str, ...] = ()
    target: str = ""
    """The singular of the resource that a `ref` names."""
    ref: dict[str, Any] | None = None
    """That resource, as new_resource/models.py finds it."""
    optional: bool = False
    unique: bool = False
    has_default: bool = False
    default: Any = None

    @property
    def is_filter(self) -> bool:
        return self.kind in ("bool", "enum", "ref")

    @property
    def attribute(self) -> str:
        """The name of the column."""
        return f"{self.name}_id" if self.kind == "ref" else self.name

    def as_data(self) -> dict[str, Any]:
        return {
            **vars(self),
            "values": list(self.values),
            "is_filter": self.is_filter,
            "article": article_of(self.name),
        }


def read_fields(texts: list[str]) -> list[Field]:
    fields = [read_field(text) for text in texts]
    names = [field.attribute for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise FieldError(f"There are two fields {name}: give each field a name of its own.")
    return fields


def read_field(text: str) -> Field:
    name, *parts = text.split(":")
    if not parts:
        raise FieldError(f"{text} has no kind: write {name}:str, or another of {', '.join(KINDS)}.")
    refuse_name(name, "field")
    if name in TAKEN or name.startswith("model_"):
        raise FieldError(f"A field can't be called {name}, which a slice uses for something else.")
    kind, *rest = parts
    if kind not in KINDS:
        raise FieldError(f"{text}: there is no kind {kind!r}: choose one of {', '.join(KINDS)}.")
    field = Field(name, kind)
    defaults = [part for part in rest if part.startswith("default=")]
    options = [part for part in rest if part in OPTIONS]
    arguments = [part for part in rest if part not in (*defaults, *options)]
    try:
        KINDS[kind](field, arguments)
        field.optional, field.unique = "optional" in options, "unique" in options
        if field.unique:
            refuse_unique(field)
        if defaults:
            field.default = read_default(field, defaults[-1].removeprefix("default="))
            field.has_default = True
    except FieldError as error:
        raise FieldError(f"{text}: {error}") from None
    if len(rest) != len(set(rest)) or len(defaults) > 1:
        raise FieldError(f"{text} says something twice.")
    if field.has_default and field.optional:
        raise FieldError(f"{text} has a default, so it is never empty: leave out one of the two.")
    return field


def refuse_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise FieldError(
            f"{name!r} is no name of a {what}: write lower-case letters, digits and single "
            "underscores, as in order_line."
        )
    if keyword.iskeyword(name):
        raise FieldError(f"{name} is a keyword of Python: choose another name for the {what}.")
    if len(name) > MAX_NAME:
        raise FieldError(f"{name} has {len(name)} characters: a {what} has at most {MAX_NAME}.")


def article_of(name: str) -> str:
    """As in English: an invoice, an upload, but a union and a user."""
    has_vowel = name[0] in "aeio" or (name[:2] in ("un", "up") and not name.startswith("uni"))
    return "an" if has_vowel else "a"


# ── Kinds ────────────────────────────────────────────────────────────────────


def read_text(field: Field, arguments: list[str]) -> None:
    read_limits(field, arguments, int)
    if field.kind == "str":
        field.min = 1 if field.min is None else field.min
        field.max = 200 if field.max is None else field.max
    for limit in (field.min, field.max):
        if limit is not None and not 0 <= limit <= MAX_TEXT:
            raise FieldError(f"a text has 0 to {MAX_TEXT} characters.")
    refuse_reversed(field)
    if field.max == 0:
        raise FieldError("a text that is always empty is no field.")


def read_int(field: Field, arguments: list[str]) -> None:
    read_limits(field, arguments, int)
    field.min = COMMON_INTEGERS[0] if field.min is None else field.min
    field.max = COMMON_INTEGERS[-1] if field.max is None else field.max
    if field.min not in INTEGERS or field.max not in INTEGERS:
        raise FieldError("no database has integers of more than 64 bits.")
    refuse_reversed(field)


def read_float(field: Field, arguments: list[str]) -> None:
    read_limits(field, arguments, float)
    refuse_reversed(field)


def read_decimal(field: Field, arguments: list[str]) -> None:
    found = re.fullmatch(r"([0-9]+),([0-9]+)", arguments[0]) if len(arguments) == 1 else None
    if not found:
        raise FieldError("a decimal has its digits and places after it, as in decimal:10,2.")
    field.digits, field.places = int(found[1]), int(found[2])
    if not 0 <= field.places < field.digits <= 30:
        raise FieldError("a decimal has at most 30 digits, and at least one before the point.")
    if field.digits > 15:
        raise FieldError("SQLite keeps a decimal of more than 15 digits only nearly: use a str.")


def read_enum(field: Field, arguments: list[str]) -> None:
    field.values = tuple(arguments[0].split(",")) if len(arguments) == 1 else ()
    if len(field.values) < 2:
        raise FieldError("an enum has at least two values after it, as in enum:draft,sent,paid.")
    for value in field.values:
        if not LABEL.fullmatch(value) or len(value) > MAX_LABEL:
            raise FieldError(
                f"{value!r} is no value of an enum: write at most {MAX_LABEL} lower-case letters, "
                "digits, and single hyphens or underscores."
            )
        if keyword.iskeyword(member_of(value)) or member_of(value).lower() in ("mro",):
            raise FieldError(f"{value} can't be a value of an enum in Python.")
    members = [member_of(value) for value in field.values]
    if len(set(members)) != len(members):
        raise FieldError("two of the values are the same.")


def member_of(value: str) -> str:
    return value.upper().replace("-", "_")


def read_ref(field: Field, arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise FieldError("a ref has the name of a resource after it, as in ref:project.")
    refuse_name(arguments[0], "resource")
    field.target = arguments[0]


def read_plain(field: Field, arguments: list[str]) -> None:
    if arguments:
        raise FieldError(
            f"a {field.kind} has nothing of its own after it; what every field can have is "
            "optional, unique and default=..."
        )


KINDS: dict[str, Callable[[Field, list[str]], None]] = {
    "str": read_text,
    "text": read_text,
    "int": read_int,
    "float": read_float,
    "decimal": read_decimal,
    "bool": read_plain,
    "date": read_plain,
    "datetime": read_plain,
    "uuid": read_plain,
    "enum": read_enum,
    "json": read_plain,
    "email": read_plain,
    "url": read_plain,
    "ref": read_ref,
}

# ── Limits, options and defaults ─────────────────────────────────────────────


def read_limits(field: Field, arguments: list[str], number: Callable[[str], Any]) -> None:
    if not arguments:
        return
    found = LIMITS.fullmatch(arguments[0])
    if len(arguments) != 1 or not found or not (found[1] or found[2]):
        raise FieldError(
            f"{':'.join(arguments)} is neither a limit, such as 1..20, 1.. or ..20, nor "
            "optional, unique or default=..."
        )
    try:
        field.min = number(found[1]) if found[1] else None
        field.max = number(found[2]) if found[2] else None
    except ValueError:
        raise FieldError(f"the limits of {field.kind} are numbers, not {arguments[0]}.") from None


def refuse_reversed(field: Field) -> None:
    if field.min is not None and field.max is not None:
        if field.min > field.max:
            raise FieldError(f"{field.min} is more than {field.max}: write the lower limit first.")
        if field.min == field.max and field.kind in ("int", "float"):
            raise FieldError(f"it would always be {field.min}.")


def refuse_unique(field: Field) -> None:
    if field.kind not in UNIQUE_KINDS:
        raise FieldError(f"a {field.kind} can't be unique; {', '.join(UNIQUE_KINDS)} can.")
    if field.kind == "str" and (field.max or 0) > MAX_UNIQUE_TEXT:
        raise FieldError(f"an index holds at most {MAX_UNIQUE_TEXT} characters of a unique text.")
    values = math.inf
    if field.kind == "int":
        values = int(field.max or 0) - int(field.min or 0) + 1
    elif field.kind == "decimal":
        values = 10 ** (field.digits - field.places)
    if values < 10:
        raise FieldError(f"only {values} rows could have different values.")


def read_default(field: Field, text: str) -> Any:
    if field.kind not in DEFAULT_KINDS or field.unique:
        what = "what is unique" if field.unique else f"a {field.kind}"
        raise FieldError(f"{what} can't have a default.")
    if field.kind == "bool" and text in ("true", "false"):
        return text == "true"
    if field.kind == "enum" and text in field.values:
        return text
    if (
        field.kind in ("str", "text")
        and (field.min or 0) <= len(text) <= (field.max or MAX_TEXT)
        and text == text.strip()
        and text.isprintable()
        and not set(text) & set("\"'\\{}")
    ):
        return text
    try:
        if field.kind == "int" and is_within(field, int(text)):
            return int(text)
        if field.kind == "float" and is_within(field, value := float(text)):
            return value
        if field.kind == "decimal":
            number = Decimal(text)
            fitting = number.quantize(Decimal(1).scaleb(-field.places))
            if fitting == number and abs(number) < 10 ** (field.digits - field.places):
                return f"{fitting:f}"
    except (ValueError, InvalidOperation):
        pass
    raise FieldError(f"{text!r} is no default for this field.")


def is_within(field: Field, value: float) -> bool:
    least = -math.inf if field.min is None else field.min
    most = math.inf if field.max is None else field.max
    return math.isfinite(value) and least <= value <= most
