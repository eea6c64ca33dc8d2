"""Writes the page that shows the report: a single file that loads nothing else."""

from pathlib import Path

import jinja2

from evergreen.questions import shown
from tools.report.parts import RESULTS, saved_parts


def write_page(page: Path, results: Path = RESULTS) -> None:
    """Writes the page from the parts that have been saved."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    template = environment.get_template("page.html.jinja")
    page.write_text(template.render(results=saved_parts(results)))
