"""A workflow is run step by step, or the reason why it can't be is an error."""

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
        ("uses: somebody/something@v1", "the action somebody/something is not supported"),
        (
            "run: echo ${{ secrets.TOKEN }}",
            r"the expression \$\{\{ secrets.TOKEN \}\} is not supported",
        ),
        ("{run: ls, if: always()}", r"the condition `always\(\)` is not supported"),
    ],
)
def test_what_the_proof_cannot_do_in_a_workflow_is_an_error(step: str, sentence: str) -> None:
    step = f"<<: {step}" if step.startswith("{") else step

    with pytest.raises(UnsupportedError, match=sentence):
        run_workflow(workflow(step), "ci.yml", [PYTHON])


def test_each_command_of_a_step_that_fails_fails_it() -> None:
    (job,) = run_workflow(workflow("run: false; echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [(step.name, step.passed, step.output) for step in job.steps] == [("Step", False, "")]


def test_the_matrix_is_put_in_place_of_its_expression() -> None:
    (job,) = run_workflow(workflow("run: echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [step.output for step in job.steps] == [f"{PYTHON}\n"]
    assert expand("${{matrix.a}}-${{ matrix.a }}", {"matrix.a": "1"}) == "1-1"
