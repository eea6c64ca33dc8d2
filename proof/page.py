"""The page that shows the results: one file, with nothing to fetch from elsewhere."""

import json
from pathlib import Path

import jinja2

from proof.questions import shown


def write_page(results: Path, page: Path) -> None:
    """Makes the page of the results that are there, each a file `NAME.json`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    data = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    page.write_text(environment.get_template("page.html.jinja").render(results=data))
