"""Each answer meets each answer to another question."""

import pytest

from evergreen.covering_array import assert_pairs_are_covered
from evergreen.hostile_answers import HOSTILE, hostile_combinations
from evergreen.questions import offered_values
from evergreen.working_tree import ROOT


def test_hostile_answers_meet_each_other_answer() -> None:
    factors = {**offered_values(ROOT), **HOSTILE}
    rows = hostile_combinations(ROOT)

    assert_pairs_are_covered(factors, rows)
    with pytest.raises(ValueError, match="no service has"):
        assert_pairs_are_covered(factors, rows[1:])
