"""Reports on services that grow: as tables in the terminal and as data for the page."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.growth.proof import Growth, Outcome


def show(growth: Growth, console: Console) -> None:
    """Prints the problems, then the tables."""
    for outcome in growth.outcomes:
        if outcome.problem:
            sentence, _, details = outcome.problem.partition("\n")
            console.print(f"\n[red]{escape(sentence)}[/]")
            console.print(escape(details))
    console.print("\nEach feature alone:", table_of_features(growth), sep="\n")
    if growth.ways:
        console.print("\nAll features in one service:", table_of_ways(growth), sep="\n")


def table_of_features(growth: Growth) -> Table:
    """Shows whether the suite is green where a feature is right, and red where it is wrong."""
    columns = [
        f"{kind}, {database}" for database in growth.databases for kind in ("right", "wrong")
    ]
    table = Table("feature", *columns)
    for feature in growth.features:
        cells = []
        for database in growth.databases:
            key = feature.name, database
            right = growth.right.get(key)
            cells += [cell([right], right.name) if right else ""]
            cells += [cell(growth.wrong.get(key, []), "red")]
        table.add_row(feature.summary, *cells)
    return table


def cell(outcomes: list[Outcome], expected: str) -> str:
    failed = [outcome.name for outcome in outcomes if outcome.problem]
    if failed:
        return f"[red]✗ {escape('; '.join(failed))}[/]"
    if not outcomes:
        return ""
    seconds = sum(outcome.seconds for outcome in outcomes)
    number = f"{len(outcomes)} " if len(outcomes) > 1 else ""
    return f"[green]✓[/] {number}{expected}, {seconds:.1f} s"


def table_of_ways(growth: Growth) -> Table:
    table = Table("", *growth.databases)
    for way in dict.fromkeys(way for way, _ in growth.ways):
        outcomes = [growth.ways[way, database] for database in growth.databases]
        table.add_row(
            way,
            *("[red]✗[/]" if outcome.problem else cell([outcome], "green") for outcome in outcomes),
        )
    return table


def as_data(growth: Growth) -> dict[str, Any]:
    return {
        "passed": growth.passed,
        "seconds": growth.seconds,
        "databases": growth.databases,
        "features": [
            {
                "name": feature.name,
                "summary": feature.summary,
                "mistakes": [wrong.name for wrong in feature.wrong],
                "outcomes": {
                    database: outcomes_as_data(growth, feature.name, database)
                    for database in growth.databases
                },
            }
            for feature in growth.features
        ],
        "ways": {
            way: {database: asdict(growth.ways[way, database]) for database in growth.databases}
            for way in dict.fromkeys(way for way, _ in growth.ways)
        },
    }


def outcomes_as_data(growth: Growth, feature: str, database: str) -> dict[str, Any]:
    right = growth.right.get((feature, database))
    wrong = growth.wrong.get((feature, database), [])
    return {
        "right": [asdict(right)] if right else [],
        "wrong": [asdict(outcome) for outcome in wrong],
    }
