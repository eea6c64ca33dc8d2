"""The proof finds and reports the defects of a template."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from evergreen.branches import all_branches, branches_never_taken
from evergreen.combinations import Proof, prove
from evergreen.edits import replace_once
from evergreen.progress import Reporter
from evergreen.questions import Answers, all_combinations, label, offered_values
from evergreen.rendering import Service, render
from evergreen.suites import Environment, run_suites
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
    """One proof of a template with all these defects, since a proof takes a while."""
    folder = tmp_path_factory.mktemp("broken")
    copy_working_tree(ROOT, folder)
    template = folder / "template"
    with (template / "README.md.jinja").open("a") as readme:
        readme.write('{% if database == "mysql" %}\nNever rendered.\n{% endif %}\n')
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
    ("white space", "docs/testing.md", "ends in an empty line"): (
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
@pytest.mark.thorough
def test_a_defect_is_found_in_exactly_the_services_that_have_it(
    proof_of_a_broken_template: Proof, check: str, file: str, message: str
) -> None:
    services = proof_of_a_broken_template.all_services

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


def test_a_branch_that_is_never_taken_is_reported_with_file_and_line(
    proof_of_a_broken_template: Proof,
) -> None:
    (branch,) = proof_of_a_broken_template.never_taken

    lines = (ROOT / "template/README.md.jinja").read_text().count("\n")
    assert (branch.file, branch.line) == ("template/README.md.jinja", lines + 1)
    assert str(branch) == '`{% if database == "mysql" %}` is never true'


def test_a_bad_answer_that_is_no_longer_refused_is_reported(
    proof_of_a_broken_template: Proof,
) -> None:
    (finding,) = proof_of_a_broken_template.refused

    assert finding.message.startswith("coverage_threshold=101 is not refused with")


def test_the_terminal_shows_check_file_and_combination(
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


def test_the_page_shows_every_service_and_finding(
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
    ("answers", "error"),
    [
        ({"database": "sqlite", "example": False}, "No module named 'app.tasks'"),
        ({"database": "postgresql", "example": True}, "No module named 'asyncpg'"),
    ],
)
def test_a_defect_of_one_tree_fails_its_run(
    scratch: Path, tmp_path: Path, answers: Answers, error: str
) -> None:
    imports = "from app.db"
    needs_example = "from app.tasks.models import Task as Task\n"
    replace_once(scratch / "template/app/health/routes.py", imports, needs_example + imports)
    replace_once(scratch / "template/pyproject.toml.jinja", '    "asyncpg>=0.32.0",\n', "")
    proof = Proof(offered_values(scratch), environments=[Environment(PYTHON, "highest")])
    combination = next(
        candidate for candidate in all_combinations(scratch) if answers.items() <= candidate.items()
    )
    proof.services = [render(scratch, combination, [])]
    proof.trees = {"tree": proof.services}

    proof.runs = run_suites({"tree": proof.services[0].files}, proof.environments[0], tmp_path, ())

    assert not proof.passed
    assert [step.name for step in proof.runs[0].steps if not step.passed] == ["suite"]
    printed = io.StringIO()
    show(proof, Console(file=printed, width=200))
    assert error in printed.getvalue()
    assert f"services with this tree: 1, such as {label(combination)}" in printed.getvalue()


# ── A new question ───────────────────────────────────────────────────────────


def test_a_new_question_is_covered_without_changing_the_proof(scratch: Path) -> None:
    with (scratch / "copier.yml").open("a") as questions:
        questions.write("metrics:\n  type: bool\n  default: false\n  help: With metrics?\n")
    with (scratch / "template/README.md.jinja").open("a") as readme:
        readme.write("{% if metrics %}\nMetrics.\n{% else %}\nNone.\n{% endif %}\n")
    few = {"database": "sqlite", "container": False, "ci": "none", "python_min": "3.11"}

    proof = prove(scratch, Reporter(Console(file=io.StringIO())), few)

    assert len(all_combinations(scratch)) == 2 * len(all_combinations(ROOT))
    pairs = [(service.answers["example"], service.answers["metrics"]) for service in proof.services]
    assert pairs == [(True, False), (True, True), (False, False), (False, True)]
    assert [service.findings for service in proof.services] == [[], [], [], []]
    seen = {outcome for service in proof.services for outcome in service.seen}
    never = [branch.condition for branch in branches_never_taken(all_branches(scratch), seen)]
    assert "{% if metrics %}" not in never
