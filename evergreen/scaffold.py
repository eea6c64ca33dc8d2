"""Renders slices from scaffold/, as `poe new-resource` does, but in this process."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import copier

from evergreen.working_tree import ROOT
from new_resource.command_line import resource_parser
from new_resource.resource import Resource, find_rows, read_resource
from new_resource.tables import Table
from updater.command_line import options_of_every_task


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
