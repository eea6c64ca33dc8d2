"""Saves the parts of the report in `.proof/`, as one JSON file for each."""

import json
from pathlib import Path
from typing import Any

from evergreen.working_tree import ROOT

RESULTS = ROOT / ".proof"


def save(part: str, data: dict[str, Any], results: Path = RESULTS) -> None:
    results.mkdir(exist_ok=True)
    (results / f"{part}.json").write_text(json.dumps(data, ensure_ascii=False))


def saved_parts(results: Path = RESULTS) -> dict[str, Any]:
    """Returns the data of each part, by name."""
    return {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}
