"""Failures of migrations, each in a sentence."""

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

from alembic.script import ScriptDirectory

VERSIONS = Path(__file__).parent / "versions"

CURES = {
    r"Can't locate revision identified by '(.+)'": (
        "There is no migration {0} here. If a database has run it, bring its file back; to find it: "
        "git log --all --name-only -- migrations/versions"
    ),
    r"Revision (\S+) referenced from .* -> (\w+).* is not present": (
        "The migration {1} comes after {0}, which is not here: bring that file back, or delete that "
        "of {1}, if it does nothing."
    ),
}


def describe(error: BaseException) -> str:
    """Says in a line which migration failed, where, and why."""
    cause = getattr(error, "orig", None) or error
    first_line = (str(cause) or type(cause).__name__).splitlines()[0]
    if first_line.startswith("Multiple head revisions are present"):
        return two_heads(ScriptDirectory(str(VERSIONS.parent)).get_heads())
    for pattern, cure in CURES.items():
        if found := re.search(pattern, first_line):
            return cure.format(*found.groups())
    return f"{place_of(error)}{first_line}"


def place_of(error: BaseException) -> str:
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.parent == VERSIONS:
            return f"migrations/versions/{path.name}, line {frame.lineno}: "
    return ""


def two_heads(heads: Sequence[str]) -> str:
    return (
        f"The migrations have {len(heads)} heads, {' and '.join(heads)}. "
        "Merge them: uv run poe migration --merge"
    )
