"""The table of CONTRIBUTING.md: mutants that may survive, since they change no behaviour."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "CONTRIBUTING.md"
HEADING = "## Mutants that survive\n"

# Where a mutant is and what it changes.
Key = tuple[str, str]


def read_table(document: Path = DOCUMENT) -> set[Key]:
    """The first two columns. Raises `ValueError` if there is no such table."""
    _, heading, section = document.read_text().partition(HEADING)
    if not heading:
        raise ValueError(f'{document} has no section "{HEADING.strip()}".')
    lines = re.split("^## ", section, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    rows = [line for line in lines if line.startswith("|")][2:]
    return {key_of(row) for row in rows}


def key_of(row: str) -> Key:
    cells = re.split(r"(?<!\\)\|", row)
    where, change = (cell.strip().replace(r"\|", "|") for cell in cells[1:3])
    return where.strip("`"), change


def row_of(key: Key) -> str:
    """With no reason: a person has to give one."""
    where, change = (text.replace("|", r"\|") for text in key)
    return f"| `{where}` | {change} |  |"
