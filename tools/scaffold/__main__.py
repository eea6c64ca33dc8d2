"""Proves what `poe new-resource` makes: `python -m tools.scaffold --help`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evergreen.growth import DATABASES
from evergreen.progress import Reporter
from evergreen.working_tree import ROOT, copied_working_tree
from tools.report.page import write_page
from tools.report.parts import RESULTS, save
from tools.report.scaffold import as_data
from tools.scaffold.mutants import SLICES, prove_mutants
from tools.scaffold.proof import Proof, prove


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.scaffold",
        description="Makes ten resources in services, checks them, and plants mistakes in them.",
    )
    parser.add_argument(
        "--page", type=Path, default=Path("proof.html"), help="the page to write: %(default)s"
    )
    parser.add_argument("--database", choices=DATABASES, help="only on this database")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="every field with every ownership, with and without the example, and poe fuzz",
    )
    parser.add_argument(
        "--mutants",
        nargs="*",
        choices=SLICES,
        metavar="SLICE",
        help=f"only mutate slices: {', '.join(SLICES)}, or all of them if none is named",
    )
    options = parser.parse_args()
    databases = [options.database] if options.database else list(DATABASES)
    if options.mutants is not None:
        with copied_working_tree(ROOT) as template:
            sys.exit(not prove_mutants(template, databases, options.mutants or SLICES))
    console = Console()
    reporter = Reporter(console)
    with copied_working_tree(ROOT) as template, reporter.shown():
        proof = prove(template, databases, RESULTS / "installed", reporter, options.thorough)
    show(proof, console)
    save("scaffold", as_data(proof))
    write_page(options.page)
    sys.exit(not proof.passed)


def show(proof: Proof, console: Console) -> None:
    for outcome in proof.outcomes:
        if outcome.problem:
            sentence, _, details = outcome.problem.partition("\n")
            console.print(f"\n[red]{escape(outcome.name)}: {escape(sentence)}[/]")
            console.print(escape(details))
        elif "check" in outcome.name or "pytest" in outcome.name or "fuzz" in outcome.name:
            console.print(f"[green]✓[/] {escape(outcome.name)}: {outcome.seconds:.1f} s")
    verdict = "[green]proven[/]" if proof.passed else "[red]not proven[/]"
    console.print(
        f"{proof.resources} resources with {proof.fields} fields, and {proof.mistakes} mistakes: "
        f"{verdict} in {proof.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
