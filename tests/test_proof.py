"""The proof itself: what is broken in a template, it finds and names."""

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import replace_once
from rich.console import Console

from evergreen.branches import all_branches, branches_never_taken
from evergreen.combinations import Proof, prove
from evergreen.covering_array import assert_pairs_are_covered
from evergreen.findings import Finding
from evergreen.hostile_answers import HOSTILE, hostile_combinations
from evergreen.progress import Reporter
from evergreen.questions import Answers, all_combinations, label, offered_values
from evergreen.rendering import Service, render
from evergreen.static_checks import links_resolve
from evergreen.suites import Environment, run_suites
from evergreen.workflows import UnknownError, expand, run_workflow
from evergreen.working_tree import ROOT, copy_working_tree
from tools.report.combinations import as_data, show
from tools.report.page import write_page
from tools.report.parts import save


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of the template that a test may break."""
    copy_working_tree(ROOT, tmp_path / "scratch")
    return tmp_path / "scratch"


# ── Defects that show when services are rendered and read ────────────────────


@pytest.fixture(scope="module")
def proof_of_a_broken_template(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """One proof of a template with all of these defects, since each proof takes a while."""
    folder = tmp_path_factory.mktemp("broken")
    copy_working_tree(ROOT, folder)
    template = folder / "template"
    with (template / "README.md.jinja").open("a") as readme:
        readme.write('{% if database == "mysql" %}\nNobody reads this.\n{% endif %}\n')
        readme.write("[Nothing](docs/nothing.md) is there.\n")
    replace_once(
        template / "compose.yaml.jinja",
        "name: {{ project_slug }}\n",
        "name: {{ project_slug }}\nx-description: {{ description }}\n",
    )
    workflow = template / ".github/workflows/ci.yml.jinja"
    workflow.write_text(workflow.read_text().replace("persist-credentials: false", "lfs: true", 1))
    replace_once(folder / "copier.yml", "    Dockerfile\n", "")
    with (template / "docs/testing.md.jinja").open("a") as page:
        page.write("{% if not example %}\n\n{% endif %}\n")
    with (template / ".gitignore.jinja").open("a") as ignored:
        ignored.write("{{ range(99999) | random }}\n")
    replace_once(template / "app/db/session.py", "import Depends", "import  Depends")
    replace_once(
        folder / "copier.yml", "0 <= coverage_threshold <= 100", "0 <= coverage_threshold <= 999"
    )
    replace_once(template / "Dockerfile.jinja", "EXPOSE 8000\n", "EXPOSE 8000\nRUN cd /tmp\n")
    replace_once(
        template / "app/main.py.jinja", "title={{ python_string(project_name) }}", 'title="A"'
    )
    return prove(folder, Reporter(Console(file=io.StringIO())))


WITH_THE_DEFECT: dict[tuple[str, str, str], Callable[[Service], bool]] = {
    ("readable", "compose.yaml", "mapping values are not allowed here"): lambda service: (
        bool(service.answers["container"])
        and str(service.answers.get("description", "")).startswith(
            ("Key: value", "It's", "right-to-left")
        )
    ),
    ("zizmor", ".github/workflows/ci.yml", "does not set persist-credentials: false"): (
        lambda service: service.answers["ci"] == "github"
    ),
    ("features", "Dockerfile", "belongs to container=true"): (
        lambda service: not service.answers["container"]
    ),
    ("no scars", "docs/testing.md", "ends in an empty line"): (
        lambda service: not service.answers["example"]
    ),
    ("rendered", ".gitignore", "differs from one rendering to the next"): (
        lambda service: "description" not in service.answers
    ),
    ("ruff", "app/db/session.py", "import  Depends"): lambda service: True,
    ("links", "README.md", "links to docs/nothing.md: no such file"): lambda service: True,
    ("hadolint", "Dockerfile", "DL3003"): lambda service: True,
    ("answers", "app/main.py", "has ('A', "): lambda service: True,
}


@pytest.mark.parametrize(("check", "file", "message"), WITH_THE_DEFECT)
def test_a_defect_is_found_in_the_services_that_have_it_and_in_no_other(
    proof_of_a_broken_template: Proof, check: str, file: str, message: str
) -> None:
    proof = proof_of_a_broken_template
    services = [*proof.services, *proof.hostile]

    found = [
        service
        for service in services
        for finding in service.findings
        if (finding.check, finding.file) == (check, file) and message in finding.message
    ]

    has_it = WITH_THE_DEFECT[check, file, message]
    assert [service.label for service in services if service in found] == [
        service.label for service in services if has_it(service)
    ]
    assert found


def test_a_branch_that_no_answer_takes_is_named_with_file_and_line(
    proof_of_a_broken_template: Proof,
) -> None:
    (branch,) = proof_of_a_broken_template.never_taken

    lines = (ROOT / "template/README.md.jinja").read_text().count("\n")
    assert (branch.file, branch.line) == ("template/README.md.jinja", lines + 1)
    assert str(branch) == '`{% if database == "mysql" %}` is never true'


def test_a_bad_answer_that_is_no_longer_refused_is_named(
    proof_of_a_broken_template: Proof,
) -> None:
    (finding,) = proof_of_a_broken_template.refused

    assert finding.message.startswith("coverage_threshold=101 is not refused with")


def test_the_terminal_names_defect_file_and_combination(
    proof_of_a_broken_template: Proof,
) -> None:
    printed = io.StringIO()

    show(proof_of_a_broken_template, Console(file=printed, width=200))

    lines = printed.getvalue().splitlines()
    place = next(number for number, line in enumerate(lines) if "features: Dockerfile" in line)
    assert lines[place + 1] == "belongs to container=true"
    assert lines[place + 2].startswith("in 42 of 128 services, such as database=sqlite")
    assert "container=false" in lines[place + 2]
    assert any(line.startswith("branches: template/README.md.jinja:") for line in lines)


def test_the_page_shows_every_service_and_what_was_found(
    proof_of_a_broken_template: Proof, tmp_path: Path
) -> None:
    save("combinations", as_data(proof_of_a_broken_template), tmp_path)
    write_page(tmp_path / "proof.html", tmp_path)

    page = (tmp_path / "proof.html").read_text()
    assert page.count("<tr data-kind=") == 128
    assert "is never true" in page
    assert "Not proven." in page
    assert "src=" not in page


# ── Defects that show when services run ──────────────────────────────────────


PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"database": "sqlite", "example": False}, "No module named 'app.tasks'"),
        ({"database": "postgresql", "example": True}, "No module named 'asyncpg'"),
    ],
)
def test_what_breaks_one_tree_only_turns_its_run_red(
    scratch: Path, tmp_path: Path, answers: Answers, said: str
) -> None:
    imports = "from app.db"
    needs_example = "from app.tasks.models import Task as Task\n"
    replace_once(scratch / "template/app/health/routes.py", imports, needs_example + imports)
    replace_once(scratch / "template/pyproject.toml.jinja", '    "asyncpg>=0.32.0",\n', "")
    proof = Proof(offered_values(scratch), environments=[Environment(PYTHON, "highest")])
    combination = next(
        each for each in all_combinations(scratch) if answers.items() <= each.items()
    )
    proof.services = [render(scratch, combination, [])]
    proof.trees = {"tree": proof.services}

    proof.runs = run_suites({"tree": proof.services[0].files}, proof.environments[0], tmp_path)

    assert not proof.passed
    assert [step.name for step in proof.runs[0].steps if not step.passed] == ["suite"]
    printed = io.StringIO()
    show(proof, Console(file=printed, width=200))
    assert said in printed.getvalue()
    assert f"in 1 services, such as {label(combination)}" in printed.getvalue()


# ── Questions ────────────────────────────────────────────────────────────────


def test_a_new_question_is_covered_without_a_change_of_the_proof(scratch: Path) -> None:
    with (scratch / "copier.yml").open("a") as questions:
        questions.write("metrics:\n  type: bool\n  default: false\n  help: With metrics?\n")
    with (scratch / "template/README.md.jinja").open("a") as readme:
        readme.write("{% if metrics %}\nMetrics.\n{% else %}\nNone.\n{% endif %}\n")
    few = {"database": "sqlite", "container": False, "ci": "none", "python_min": "3.11"}

    proof = prove(scratch, Reporter(Console(file=io.StringIO())), few)

    assert len(all_combinations(scratch)) == 2 * len(all_combinations(ROOT))
    answered = [(each.answers["example"], each.answers["metrics"]) for each in proof.services]
    assert answered == [(True, False), (True, True), (False, False), (False, True)]
    assert [service.findings for service in proof.services] == [[], [], [], []]
    seen = {outcome for service in proof.services for outcome in service.seen}
    never = [branch.condition for branch in branches_never_taken(all_branches(scratch), seen)]
    assert "{% if metrics %}" not in never


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("{type: bool, default: false}", [False, True]),
        ("{choices: [a, b], default: b}", ["b", "a"]),
        ("{choices: {One: a, Two: b}, default: a}", ["a", "b"]),
        ("{choices: [[One, a], [Two, b]], default: a}", ["a", "b"]),
        ("{choices: {One: {value: a, validator: x}}, default: a}", ["a"]),
    ],
)
def test_the_answers_of_a_question_are_read_in_each_form(
    tmp_path: Path, question: str, values: list[object]
) -> None:
    (tmp_path / "copier.yml").write_text(f"_subdirectory: x\nquestion: {question}\nname: {{}}\n")

    assert offered_values(tmp_path) == {"question": values}


@pytest.mark.parametrize("part", ["when: false", "multiselect: true", "choices: '{{ them }}'"])
def test_a_question_whose_answers_cannot_be_told_is_refused(tmp_path: Path, part: str) -> None:
    (tmp_path / "copier.yml").write_text(f"question: {{default: a, {part}}}\n")

    with pytest.raises(ValueError, match="question"):
        offered_values(tmp_path)


def test_hostile_answers_meet_each_other_answer() -> None:
    factors = {**offered_values(ROOT), **HOSTILE}
    rows = hostile_combinations(ROOT)

    assert_pairs_are_covered(factors, rows)
    with pytest.raises(ValueError, match="no service has"):
        assert_pairs_are_covered(factors, rows[1:])


# ── Branches ─────────────────────────────────────────────────────────────────

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
def test_each_condition_is_seen_both_ways_or_named(
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


# ── The workflow ─────────────────────────────────────────────────────────────


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
        ("uses: somebody/something@v1", "the action somebody/something is not known"),
        (
            "run: echo ${{ secrets.TOKEN }}",
            r"the expression \$\{\{ secrets.TOKEN \}\} is not known",
        ),
        ("{run: ls, if: always()}", r"the condition `always\(\)` is not known"),
    ],
)
def test_what_the_proof_cannot_do_in_a_workflow_is_an_error(step: str, sentence: str) -> None:
    step = f"<<: {step}" if step.startswith("{") else step

    with pytest.raises(UnknownError, match=sentence):
        run_workflow(workflow(step), "ci.yml", [PYTHON])


def test_each_command_of_a_step_that_fails_fails_it() -> None:
    (job,) = run_workflow(workflow("run: false; echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [(step.name, step.passed, step.output) for step in job.steps] == [("Step", False, "")]


def test_the_matrix_is_put_in_place_of_its_expression() -> None:
    (job,) = run_workflow(workflow("run: echo $UV_PYTHON"), "ci.yml", [PYTHON])

    assert [step.output for step in job.steps] == [f"{PYTHON}\n"]
    assert expand("${{matrix.a}}-${{ matrix.a }}", {"matrix.a": "1"}) == "1-1"


# ── The rest ─────────────────────────────────────────────────────────────────


def test_links_within_a_service_are_followed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("[up](../README.md#start) [out](https://example.com)")
    (tmp_path / "README.md").write_text(
        "[there](docs/there.md) ![gone](gone.png)\n\n    docs/\n      there.md  is there\n      b.md\n"
    )

    assert links_resolve(tmp_path, {}) == [
        Finding("links", "README.md", "links to gone.png: no such file"),
        Finding("links", "README.md", "shows docs/b.md: no such file"),
    ]


def test_progress_in_a_log_says_how_long_it_will_take() -> None:
    printed = io.StringIO()
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(abs, -1), pool.submit(abs, -2)]

        results = Reporter(Console(file=printed)).follow("numbers", futures)

    assert results == [1, 2]
    assert printed.getvalue() == "numbers: 2 of 2, 0 s left\n"


def test_an_answer_that_is_not_offered_is_said_with_those_that_are() -> None:
    command = [sys.executable, "-m", "tools.combinations", "--only=database=oracle"]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 1
    assert result.stderr.startswith(
        "--only database=oracle is not among the answers: database=sqlite, database=postgresql, "
    )
