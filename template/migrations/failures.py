"""Failures of migrations, each in a sentence."""

import traceback
from collections.abc import Sequence
from pathlib import Path

VERSIONS = Path(__file__).parent / "versions"


def describe(error: BaseException) -> str:
    """Says in a line which migration failed, where, and why."""
    cause = getattr(error, "orig", None) or error
    first_line = (str(cause) or type(cause).__name__).splitlines()[0]
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
        "Join them: uv run alembic merge -m merge heads"
    )
