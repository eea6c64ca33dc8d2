"""Proves every service that the questions can produce: `python -m tools.combinations --help`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from evergreen.combinations import prove
from evergreen.progress import Reporter
from evergreen.questions import Answers, offered_values, shown
from evergreen.working_tree import ROOT, copied_working_tree
from tools.report.combinations import as_data, show
from tools.report.page import write_page
from tools.report.parts import RESULTS, save


def chosen(template: Path, options: list[str]) -> Answers:
    """Parses answers given as NAME=VALUE; exits with a message if one is not offered."""
    offered = {
        f"{name}={shown(value)}": (name, value)
        for name, values in offered_values(template).items()
        for value in values
    }
    for option in options:
        if option not in offered:
            sys.exit(f"--only {option} is not among the answers: {', '.join(offered)}")
    return dict(offered[option] for option in options)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.combinations",
        description="Proves every service that the questions of the template can produce.",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="only combinations with this answer, such as database=sqlite; can be repeated",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="render and read the services without running them"
    )
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="with coverage and types for both ends of the dependencies, and many generated requests",
    )
    parser.add_argument(
        "--page", type=Path, default=Path("proof.html"), help="the page to write: %(default)s"
    )
    options = parser.parse_args()
    console = Console()
    reporter = Reporter(console)
    with copied_working_tree(ROOT) as template, reporter.shown():
        only = chosen(template, options.only)
        installations = None if options.read_only else RESULTS / "installed"
        proof = prove(template, reporter, only, installations, thorough=options.thorough)
    show(proof, console)
    save("combinations", as_data(proof))
    write_page(options.page)
    verdict = "[green]proven[/]" if proof.passed else "[red]not proven[/]"
    console.print(
        f"{len(proof.services)} combinations, {len(proof.trees)} distinct trees, "
        f"{len(proof.runs)} runs: {verdict} in {proof.seconds:.0f} s; see {options.page}"
    )
    sys.exit(not proof.passed)


if __name__ == "__main__":
    main()
