"""Renders slices from scaffold/, as `poe new-resource` does, but in this process."""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import copier

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
    ["folder", "name:str:1..50:unique", "since:date", "sort_of:enum:a,b", "size:int:optional"],
    ["colour", "name:str:1..50:unique", "--shared"],
]
"""The resources that those of the proof name."""


def field_texts() -> Iterator[str]:
    """Every kind of field with each of its limits and options that the command accepts."""
    for kind, limits in KINDS.items():
        for limit, option in itertools.product(limits, OPTIONS):
            name = re.sub(r"[^a-z0-9]+", "_", f"{kind}{limit}{option}".replace("-", "minus"))
            default = limit.strip(":").split(",")[0] if kind == "enum" else DEFAULTS.get(kind, "")
            text = f"a_{name.strip('_')}:{kind}{limit}"
            text += f":default={default}" if option == ":default" else option
            try:
                read_field(text)
            except FieldError:
                continue
            yield text


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
