"""Reads `equivalent.toml`: the mutants that may survive, since they change no behaviour."""

import json
import tomllib
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).with_name("equivalent.toml")


class Key(NamedTuple):
    """Identifies a mutant without line numbers, so that it stays the same when code moves."""

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
    """Returns lines to paste into the document; a person has to fill in the reason."""
    escaped = json.dumps(key.change, ensure_ascii=False)  # strings of JSON are strings of TOML
    change = escaped if "'" in key.change else f"'{key.change}'"
    return f'[["{key.file}"]]\nwhere = "{key.where}"\nchange = {change}\nwhy = ""\n'
