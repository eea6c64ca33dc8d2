"""The page of the proof shows what `poe new-resource` makes."""

from pathlib import Path

from tools.growth.proof import Outcome
from tools.report.page import write_page
from tools.report.parts import save
from tools.report.scaffold import MADE, as_data
from tools.scaffold.proof import Proof

SERVICE = "sqlite, example=true"
UNNOTICED = "The tests of note ended with 0.\n"


def proof_with(problem: str = "") -> Proof:
    """Two resources, a run, and a mistake of which this is the problem."""
    outcomes = [Outcome(f"{SERVICE}: {name}", "", 0.5) for name in ("note", "city", "poe check")]
    outcomes.append(Outcome(f"{SERVICE}: note: a list is not filtered", problem, 0.5))
    return Proof(outcomes, fields=7, resources=2, mistakes=1, seconds=30)


def test_outcomes_are_grouped_by_what_was_done() -> None:
    lines = as_data(proof_with())["lines"]

    assert {line: len(by_service[SERVICE]) for line, by_service in lines["green"].items()} == {
        MADE: 2,
        "poe check": 1,
    }
    assert lines["red"] == {
        "a list is not filtered": {SERVICE: [{"name": "note", "problem": "", "seconds": 0.5}]}
    }


def page_of(proof: Proof, folder: Path) -> str:
    save("scaffold", as_data(proof), folder / "results")
    write_page(folder / "proof.html", folder / "results")
    return (folder / "proof.html").read_text()


def test_the_page_shows_what_is_green(tmp_path: Path) -> None:
    page = page_of(proof_with(), tmp_path)

    assert "2 resources with 7 fields, and 1 mistakes. It took 30 seconds." in page
    assert "✓ 2 green, 1.0 s" in page
    assert "Not proven." not in page


def test_the_page_shows_a_mistake_that_was_not_noticed(tmp_path: Path) -> None:
    page = page_of(proof_with(UNNOTICED), tmp_path)

    assert "1 of 1 not red" in page
    assert f"{SERVICE}: note: a list is not filtered" in page
    assert UNNOTICED in page
    assert "Not proven." in page
