"""The command line of the combinations."""

import subprocess
import sys

from evergreen.working_tree import ROOT


def test_an_answer_that_is_not_offered_is_refused_with_a_list() -> None:
    command = [sys.executable, "-m", "tools.combinations", "--only=database=oracle"]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 1
    assert result.stderr.startswith(
        "--only database=oracle is not among the answers: database=sqlite, database=postgresql, "
    )
