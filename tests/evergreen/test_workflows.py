"""Workflows run step by step; a workflow that can't be run is an error."""

import sys

import pytest

from evergreen.workflows import UnsupportedError, expand, run_workflow

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def workflow(step: str) -> dict[str, bytes]:
    text = f"""
name: CI
jobs:
  check:
    name: Check
    strategy: {{matrix: {{python: ["{PYTHON}"]}}}}
    env:
      UV_PYTHON: ${{{{ matrix.python }}}}
    steps:
      - name: Step
        {step}
"""
    project = "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.11'\n"
    return {"ci.yml": text.encode(), "pyproject.toml": project.encode()}


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("uses: someone/something@v1", "the action someone/something is not supported"),
        (
            "run: echo ${{ secrets.TOKEN }}",
            r"the expression \$\{\{ secrets.TOKEN \}\} is not supported",
        ),
        ("{run: ls, if: always()}", r"the condition `always\(\)` is not supported"),
    ],
)
def test_unsupported_parts_of_a_workflow_are_errors(step: str, sentence: str) -> None:
    step = f"<<: {step}" if step.startswith("{") else step

    with pytest.raises(UnsupportedError, match=sentence):
        run_workflow(workflow(step), "ci.yml", [PYTHON])


def test_a_step_stops_at_the_first_command_that_fails() -> None:
    (job,) = run_workflow(workflow("run: false; echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [(step.name, step.passed, step.output) for step in job.steps] == [("Step", False, "")]


def test_expressions_are_replaced_by_values_of_the_matrix() -> None:
    (job,) = run_workflow(workflow("run: echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [step.output for step in job.steps] == [f"{PYTHON}\n"]
    assert expand("${{matrix.a}}-${{ matrix.a }}", {"matrix.a": "1"}) == "1-1"
