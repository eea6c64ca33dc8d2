"""Proves that services stay green as they grow: `python -m tools.growth --help`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from evergreen.growth import DATABASES, FeatureError, read_library
from evergreen.progress import Reporter
from evergreen.working_tree import ROOT, copied_working_tree
from tools.growth.proof import prove
from tools.report.growth import as_data, show
from tools.report.page import write_page
from tools.report.parts import RESULTS, save


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.growth",
        description="Puts features into services, right and wrong, and runs their suites.",
    )
    parser.add_argument(
        "features",
        nargs="*",
        metavar="feature",
        help="only this one, such as invoices, alone; by default all, and then all together",
    )
    parser.add_argument("--database", choices=DATABASES, help="only on this database")
    parser.add_argument(
        "--page", type=Path, default=Path("proof.html"), help="the page to write: %(default)s"
    )
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="run each feature and mistake on each database, and not by turns",
    )
    options = parser.parse_args()
    try:
        features = read_library(names=options.features)
    except FeatureError as error:
        parser.error(str(error))
    databases = [options.database] if options.database else list(DATABASES)
    console = Console()
    reporter = Reporter(console)
    with copied_working_tree(ROOT) as template, reporter.shown():
        together = not options.features
        growth = prove(
            template,
            features,
            databases,
            RESULTS / "installed",
            reporter,
            together,
            options.thorough,
        )
    show(growth, console)
    if not options.features and not options.database:  # the page shows all
        save("growth", as_data(growth))
        write_page(options.page)
    verdict = "[green]proven[/]" if growth.passed else "[red]not proven[/]"
    console.print(f"{len(growth.outcomes)} runs: {verdict} in {growth.seconds:.0f} s")
    sys.exit(not growth.passed)


if __name__ == "__main__":
    main()
