"""Reports on the updates: as a table in the terminal and as data for the page."""

from typing import Any

from rich.table import Table

Row = dict[str, Any]
"""The property, version, answers and scenario of a test, with its seconds and its failure."""


def line_of(row: Row) -> str:
    return f"{row['property']}: {row['scenario']}" if row["scenario"] else str(row["property"])


def cells_of(rows: list[Row]) -> dict[str, dict[str, list[Row]]]:
    """Groups rows by line and then by version."""
    cells: dict[str, dict[str, list[Row]]] = {}
    for row in sorted(rows, key=line_of):
        cells.setdefault(line_of(row), {}).setdefault(row["version"], []).append(row)
    return cells


def table_of_updates(rows: list[Row]) -> Table:
    """Shows how many sets of answers passed for each property and scenario, by release."""
    versions = versions_of(rows)
    table = Table("updated to the working tree from", *versions, "itself")
    for line, by_version in cells_of(rows).items():
        table.add_row(line, *(cell(by_version.get(version, [])) for version in [*versions, ""]))
    return table


def versions_of(rows: list[Row]) -> list[str]:
    """Returns the releases that were updated, the oldest first."""
    found = {row["version"] for row in rows if row["version"]}
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def cell(rows: list[Row]) -> str:
    failed = [row["answers"] for row in rows if row["failure"]]
    if failed:
        return f"[red]✗ {'; '.join(failed)}[/]"
    return f"[green]✓[/] {len(rows)}" if rows else ""


def as_data(rows: list[Row]) -> dict[str, Any]:
    return {"versions": versions_of(rows), "lines": cells_of(rows)}
