"""Which branches of Jinja are taken, and which are not."""

from pathlib import Path

import pytest

from evergreen.branches import all_branches, branches_never_taken
from evergreen.rendering import render

CONDITIONS = """\
{% if letter == "a" %}
a
{% elif letter == "b" %}
b
{% else %}
{{ "long" if letter | length > 1 else "short" }}
{% endif %}
"""


@pytest.mark.parametrize(
    ("letters", "never"),
    [
        ("abc", ["6: true"]),
        ("a", ["1: false", "3: true", "3: false", "6: true", "6: false"]),
        (["a", "b", "c", "long"], []),
    ],
)
def test_outcomes_that_never_occur_are_listed(
    tmp_path: Path, letters: list[str], never: list[str]
) -> None:
    (tmp_path / "copier.yml").write_text(
        "_subdirectory: template\n"
        "_envops: {trim_blocks: true, lstrip_blocks: true}\n"
        "letter: {type: str, default: a}\n"
    )
    (tmp_path / "template").mkdir()
    (tmp_path / "template/letters.txt.jinja").write_text(CONDITIONS)

    seen = {
        outcome for letter in letters for outcome in render(tmp_path, {"letter": letter}, []).seen
    }

    assert never == [
        f"{branch.line}: {str(branch.outcome[2]).lower()}"
        for branch in branches_never_taken(all_branches(tmp_path), seen)
    ]
