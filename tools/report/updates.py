"""The updates: what they showed, as a table in the terminal and as data for the page."""

from typing import Any

from rich.table import Table

Row = dict[str, Any]
"""What a test was about (property, version, answers, scenario), its seconds and its failure."""


def line_of(row: Row) -> str:
    return f"{row['property']}: {row['scenario']}" if row["scenario"] else str(row["property"])


def cells_of(rows: list[Row]) -> dict[str, dict[str, list[Row]]]:
    """Of each line and each version the rows, in the order in which they came."""
    cells: dict[str, dict[str, list[Row]]] = {}
    for row in sorted(rows, key=line_of):
        cells.setdefault(line_of(row), {}).setdefault(row["version"], []).append(row)
    return cells


def table_of_updates(rows: list[Row]) -> Table:
    """Each property and scenario, and how many sets of answers showed it for each release."""
    versions = versions_of(rows)
    table = Table("updated to this state, from", *versions, "itself")
    for line, by_version in cells_of(rows).items():
        table.add_row(line, *(cell(by_version.get(version, [])) for version in [*versions, ""]))
    return table


def versions_of(rows: list[Row]) -> list[str]:
    """The releases that services came from, the oldest first."""
    found = {row["version"] for row in rows if row["version"]}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def cell(rows: list[Row]) -> str:
    failed = [row["answers"] for row in rows if row["failure"]]
    if failed:
        return f"[red]✗ {'; '.join(failed)}[/]"
    return f"[green]✓[/] {len(rows)}" if rows else ""


def as_data(rows: list[Row]) -> dict[str, Any]:
    return {"versions": versions_of(rows), "lines": cells_of(rows)}
