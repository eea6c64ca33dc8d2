"""Reports on what `poe new-resource` makes, as data for the page."""

from dataclasses import asdict
from typing import Any

from tools.scaffold.proof import Proof

MADE = "resources, made one after another"


def as_data(proof: Proof) -> dict[str, Any]:
    """Groups the outcomes by line and then by service, the mistakes apart from what is green."""
    green: dict[str, dict[str, list[dict[str, Any]]]] = {}
    red: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for outcome in proof.outcomes:
        service, _, what = outcome.name.partition(": ")
        resource, colon, mistake = what.partition(": ")
        if colon:
            lines, line, what = red, mistake, resource
        else:
            lines, line = green, MADE if what.isidentifier() else what
        row = asdict(outcome) | {"name": what}
        lines.setdefault(line, {}).setdefault(service, []).append(row)
    return {
        "passed": proof.passed,
        "seconds": proof.seconds,
        "resources": proof.resources,
        "fields": proof.fields,
        "mistakes": proof.mistakes,
        "services": sorted({outcome.name.partition(": ")[0] for outcome in proof.outcomes}),
        "lines": {"green": green, "red": dict(sorted(red.items()))},
    }
