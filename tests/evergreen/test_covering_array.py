"""A covering array contains every pair of answers to different questions."""

import pytest

from evergreen.covering_array import Constraints, assert_pairs_are_covered, covering_array
from evergreen.hostile_answers import HOSTILE, hostile_combinations
from evergreen.questions import offered_values
from evergreen.scaffold import FORMS, all_fields, covering_fields
from evergreen.working_tree import ROOT


def test_every_hostile_answer_is_combined_with_every_other_answer() -> None:
    factors = {**offered_values(ROOT), **HOSTILE}
    rows = hostile_combinations(ROOT)

    assert_pairs_are_covered(factors, rows)
    with pytest.raises(ValueError, match="no service has"):
        assert_pairs_are_covered(factors, rows[1:])


def test_what_cannot_stand_together_is_not_combined() -> None:
    factors = {"kind": ["str", "bool"], "option": ["", "unique"], "owner": ["one", "all"]}
    constraints: Constraints = {
        ("kind", "option"): lambda kind, option: kind + option != "boolunique"
    }

    rows = covering_array(factors, constraints)

    assert {(row["kind"], row["option"]) for row in rows} == {
        *(("str", ""), ("str", "unique"), ("bool", "")),
    }
    with pytest.raises(ValueError, match="no service has kind='str' with option='unique'"):
        assert_pairs_are_covered(factors, [row for row in rows if row["option"] == ""], constraints)


def test_fields_of_a_resource_are_combined_with_every_ownership_on_each_database() -> None:
    rows = covering_fields(["sqlite", "postgresql"])

    fields = [(row["form"], row["ownership"]) for row in rows]
    assert {*fields} == {(row["form"], row["ownership"]) for row in all_fields(["sqlite"])}
    with pytest.raises(ValueError, match="no service has"):
        assert_pairs_are_covered({"form": FORMS, "database": ["sqlite"]}, rows[5:])
