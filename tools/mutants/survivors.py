"""Mutants that may survive, since they change no behaviour: `equivalent.toml`."""

import json
import tomllib
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).with_name("equivalent.toml")


class Key(NamedTuple):
    """Where a mutant is, and what it changes."""

    file: str
    where: str
    change: str


def read_equivalent(database: str, document: Path = DOCUMENT) -> set[Key]:
    """Those that name this database, or none."""
    entries = tomllib.loads(document.read_text())
    return {
        Key(file, mutant["where"], mutant["change"])
        for file, mutants in entries.items()
        for mutant in mutants
        if mutant.get("database", database) == database
    }


def entry_of(key: Key) -> str:
    """The lines to paste, with no reason: a person has to give one."""
    escaped = json.dumps(key.change, ensure_ascii=False)  # strings of JSON are strings of TOML
    change = escaped if "'" in key.change else f"'{key.change}'"
    return f'[["{key.file}"]]\nwhere = "{key.where}"\nchange = {change}\nwhy = ""\n'
