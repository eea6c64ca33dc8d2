"""A covering array contains every pair of answers to different questions."""

import pytest

from evergreen.covering_array import assert_pairs_are_covered
from evergreen.hostile_answers import HOSTILE, hostile_combinations
from evergreen.questions import offered_values
from evergreen.working_tree import ROOT


def test_every_hostile_answer_is_combined_with_every_other_answer() -> None:
    factors = {**offered_values(ROOT), **HOSTILE}
    rows = hostile_combinations(ROOT)

    assert_pairs_are_covered(factors, rows)
    with pytest.raises(ValueError, match="no service has"):
        assert_pairs_are_covered(factors, rows[1:])
