"""Fields for slices, and slices: rendered in this process, or made by `poe new-resource`."""

import itertools
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import copier

from evergreen.covering_array import Constraints, assert_pairs_are_covered, covering_array
from evergreen.questions import Answers
from evergreen.working_tree import ROOT
from new_resource.command_line import resource_parser
from new_resource.fields import FieldError, read_field
from new_resource.resource import Resource, find_rows, read_resource
from new_resource.tables import Table
from updater.command_line import options_of_every_task

KINDS = {
    "str": ["", ":1..10", ":0..10", ":5..", ":2..4"],
    "text": ["", ":1..50", ":..10", ":5..", ":3..8"],
    "int": ["", ":1..5", ":0..1", ":-5..", ":10..30", ":-30..-10", ":0..9999999999"],
    "float": ["", ":0..1", ":..0.25", ":-2.5.."],
    "decimal": [":12,2", ":10,2", ":3,0", ":5,4"],
    "bool": [""],
    "date": [""],
    "datetime": [""],
    "uuid": [""],
    "enum": [":draft,sent,paid", ":on,off", ":in-doubt,not_sure"],
    "json": [""],
    "email": [""],
    "url": [""],
    "ref": [":folder", ":colour", ":user"],
}
"""Each kind of field with the limits or arguments that make a difference."""
OPTIONS = ["", ":optional", ":unique", ":default"]
DEFAULTS = {
    "str": "x-ray",
    "text": "word",
    "int": "1",
    "float": "0.25",
    "decimal": "0",
    "bool": "true",
    "enum": "draft",
}
OWNERSHIPS = {
    "owner": [],
    "shared": ["--shared"],
    "child": ["--in", "folder"],
    "own child of all": ["--in", "colour"],
    "shared child": ["--shared", "--in", "colour"],
}
"""Options of the command, by what they make."""
PARENTS = [
    ["folder", "name:str:1..50:unique", "since:date", "sort_of:enum:a,b", "more:json"],
    ["colour", "name:str:1..50:unique", "--shared"],
]
"""The resources that those of the proof name."""


FORMS = [f"{kind}{limits}" for kind, all_limits in KINDS.items() for limits in all_limits]


def text_of(form: str, option: str) -> str:
    """The field as a person types it, with a name that tells what it is."""
    kind, _, limits = form.partition(":")
    name = re.sub(r"[^a-z0-9]+", "_", f"{form}{option}".replace("-", "minus")).strip("_")
    default = limits.split(",")[0] if kind == "enum" else DEFAULTS.get(kind, "")
    return f"a_{name}:{form}{option}{f'={default}' if option == ':default' else ''}"


def is_accepted(form: str, option: str) -> bool:
    try:
        read_field(text_of(form, option))
    except FieldError:
        return False
    return True


def fits_ownership(form: str, ownership: str) -> bool:
    """A shared resource can't name a row that has an owner."""
    return form != "ref:folder" or "--shared" not in OWNERSHIPS[ownership]


def field_texts() -> list[str]:
    """Every kind of field with each of its limits and options that the command accepts."""
    return [
        text_of(form, option)
        for form, option in itertools.product(FORMS, OPTIONS)
        if is_accepted(form, option)
    ]


def covering_fields(databases: list[str]) -> list[Answers]:
    """Pairs every form, option and ownership of a field, and has each of them on each database."""
    factors: dict[str, list[Any]] = {
        "form": FORMS,
        "option": OPTIONS,
        "ownership": list(OWNERSHIPS),
    }
    constraints: Constraints = {
        ("form", "option"): is_accepted,
        ("form", "ownership"): fits_ownership,
    }
    rows = covering_array(factors, constraints)
    rows.sort(key=lambda row: FORMS.index(row["form"]))
    for row, database in zip(rows, itertools.cycle(databases), strict=False):
        row["database"] = database
    assert_pairs_are_covered({**factors, "database": databases}, rows, constraints)
    return rows


def all_fields(databases: list[str]) -> list[Answers]:
    """Every form with each option and ownership on each database."""
    return [
        {"form": form, "option": option, "ownership": ownership, "database": database}
        for form, option, ownership, database in itertools.product(
            FORMS, OPTIONS, OWNERSHIPS, databases
        )
        if is_accepted(form, option) and fits_ownership(form, ownership)
    ]


def read(words: Sequence[str], tables: dict[str, Table] | None = None) -> Resource:
    """Reads a command line such as `["note", "title:str"]` in a service with these tables."""
    options = resource_parser(options_of_every_task()).parse_intermixed_args(list(words))
    resource = read_resource(options)
    find_rows(resource, options.parent, tables or {})
    return resource


def render_slice(resource: Resource, folder: Path, template: Path = ROOT) -> Path:
    """Returns the folder of the slice, formatted with the settings of this repository."""
    copier.run_copy(
        str(template / "scaffold"),
        folder,
        data=resource.as_data(),
        defaults=True,
        quiet=True,
        overwrite=True,
    )
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--quiet", "--no-cache", f"--config={ROOT / 'pyproject.toml'}", str(folder)]
    fixed = ("--select=I,F401", "--fix-only")
    subprocess.run([*ruff, "check", *fixed, *options], check=True)
    subprocess.run([*ruff, "format", *options], check=True)
    return folder


def run_new_resource(
    service: Path, words: Sequence[str], environment: dict[str, str], template: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Runs the command of this template in a service, as its bootstrap does."""
    return subprocess.run(
        [sys.executable, str(template / "updater"), "new-resource", *words],
        cwd=service,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
