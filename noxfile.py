# /// script
# dependencies = ["nox>=2026.10.20"]
# ///
"""Proves the template: `uvx nox -t ci` runs all that CI runs for each commit, `uvx nox` all but growth, scaffold and updates.

`uvx nox -l` lists the rest.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.sessions = ["service", "lint", "types", "tests", "combinations"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
COPIER = "copier>=9.19.1"
PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *requirements: str, group: str | None = None) -> None:
    """Installs into the environment of the session, and then hides that environment from uv.

    A service that a session renders has its own environment; with these variables, uv would
    install it into that of the session.
    """
    if group is not None:
        requirements += tuple(nox.project.dependency_groups(PROJECT, group))
    session.install(*requirements)
    session.env.pop("VIRTUAL_ENV", None)
    session.env.pop("UV_PROJECT_ENVIRONMENT", None)
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # without byte code, every import takes longer


def write_to_memory(session: nox.Session) -> None:
    """Memory is faster for what writes many small files: an update, copies of a service."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3:
        session.env["TMPDIR"] = str(memory)


@nox.session(tags=["ci"])
def service(session: nox.Session) -> None:
    """Render the template into a temporary folder, install the project, and run its tests.

    The answers can be chosen: `uvx nox -s service -- database=postgresql example=false`.
    """
    questions = re.findall(r"^([a-z]\w*):", (ROOT / "copier.yml").read_text(), re.MULTILINE)
    for answer in session.posargs:
        question, equals, _ = answer.partition("=")
        if not equals or question not in questions:
            session.error(
                f"{answer}: type question=answer, such as database=postgresql; "
                f"the questions are {', '.join(questions)}"
            )
    install(session, COPIER)
    answers = [f"--data={answer}" for answer in session.posargs]
    with rendered(session, "service", *answers) as folder, session.chdir(folder):
        session.run("uv", "run", "pytest", "-q", external=True)  # installs the project first


@nox.session(tags=["ci"])
def lint(session: nox.Session) -> None:
    """Check the format and style of the template's own code."""
    install(session, group="lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")


@nox.session(tags=["ci"])
def types(session: nox.Session) -> None:
    """Check the types of the template's own code."""
    install(session, group="types")
    session.run("mypy")


@nox.session(tags=["ci"])
def tests(session: nox.Session) -> None:
    """Test services, questions and the proof itself; every planted defect must be noticed."""
    install(session, group="test")
    # With pytest 9.2, `loadgroup` has no effect.
    options = ["-q", "-n", "2", "--dist", "loadfile", "-m", "not thorough"]
    others = ["--ignore=tests/updates", "--ignore=tests/updater"]
    session.run("pytest", *options, *others, *session.posargs)


@nox.session
def thorough(session: nox.Session) -> None:
    """Run the slow tests, such as each test of a service alone (nightly)."""
    install(session, group="test")
    session.run("pytest", "-q", "-n", "2", "-m", "thorough", *session.posargs)


@nox.session(tags=["ci"])
def combinations(session: nox.Session) -> None:
    """Prove every service that the questions can produce; write proof.html."""
    install(session, group="evergreen")
    session.run("python", "-m", "tools.combinations", *session.posargs)


@nox.session(tags=["ci"])
def growth(session: nox.Session) -> None:
    """Put features into services, right and wrong, and add tables to proof.html.

    `uvx nox -s growth -- invoices --database sqlite` proves one feature on one database; `--thorough`
    runs each feature and mistake on each database (nightly).
    """
    install(session, group="evergreen")
    write_to_memory(session)
    session.run("python", "-m", "tools.growth", *session.posargs)


@nox.session(tags=["ci"])
def scaffold(session: nox.Session) -> None:
    """Make ten resources in services with `poe new-resource`, check them, and plant mistakes.

    `uvx nox -s scaffold -- --thorough` combines every field with every ownership, and sends generated
    requests (nightly). `-- --mutants` checks whether the tests of slices notice mutants (nightly).
    """
    install(session, group="evergreen")
    write_to_memory(session)
    session.run("python", "-m", "tools.scaffold", *session.posargs)


@nox.session(tags=["ci"])
def updates(session: nox.Session) -> None:
    """Update services of every release, edited as by teams; add a table to proof.html."""
    install(session, group="test")
    write_to_memory(session)
    options = ["-q", "-n", "2", "-m", "not thorough"]
    # The page shows all updates, so a selection has no place there.
    page = [] if session.posargs else ["--page=proof.html"]
    session.run("pytest", *options, *page, "tests/updates", "tests/updater", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure the suite, the first start, and services under load (not in CI; needs wrk)."""
    install(session, group="evergreen")
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(Path(temporary) / "service")
        session.run("python", "-m", "tools.benchmarks.first_start", str(ROOT), folder)
        session.run("python", "-m", "tools.benchmarks.suite", folder)
        session.run("python", "-m", "tools.benchmarks.liveness", folder)
        with rendered(session, "service", "--data=database=postgresql") as on_postgresql:
            session.run("python", "-m", "tools.benchmarks.databases", folder, str(on_postgresql))
    with rendered(session, "resources") as to_grow:
        session.run("python", "-m", "tools.benchmarks.resources", str(to_grow))
    session.run("python", "-m", "tools.benchmarks.faults")
    session.run("python", "-m", "tools.benchmarks.throughput", *session.posargs)


@nox.session
def fleet(session: nox.Session) -> None:
    """Update fifty services with random answers and edits, then compare with `copier update` (nightly)."""
    install(session, group="evergreen")
    write_to_memory(session)
    session.run("python", "-m", "tools.benchmarks.fleet", *session.posargs)
    if not session.posargs:
        session.run("python", "-m", "tools.benchmarks.edits_of_a_year")


@nox.session
def clients(session: nox.Session) -> None:
    """Make clients from the OpenAPI document of a service, and use them (nightly; needs Node)."""
    install(session, group="clients")
    with rendered(session, "service") as folder:
        with session.chdir(folder):
            session.run("uv", "sync", "--quiet", external=True)
        session.run("python", "-m", "tools.clients", str(folder))


@nox.session
def image(session: nox.Session) -> None:
    """Build the image of a service on each database and run its compose file (root, Debian).

    On an engine of its own, with stand-ins for the base images; what that needs and the machine
    lacks is said in a sentence, and `uvx nox -s image -- --required` then fails. `-- --real-images`
    uses the docker and compose of the machine (nightly); `-- --controls` breaks the service first.
    """
    install(session, group="evergreen")
    session.run("python", "-m", "tools.image", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Mutate a service on each database and check whether its suite notices (not in CI).

    `uvx nox -s mutants -- --database sqlite --only app/logs.py` mutates one file on one of them.
    """
    install(session, COPIER)
    with (
        rendered(session, "sqlite", "--data=database=sqlite") as on_sqlite,
        rendered(session, "postgresql", "--data=database=postgresql") as on_postgresql,
    ):
        services = [on_sqlite, on_postgresql]
        for folder in services:
            with session.chdir(folder):
                session.run("uv", "sync", "--quiet", external=True)
        session.run("python", "-m", "tools.mutants", *map(str, services), *session.posargs)


@nox.session
def updater_mutants(session: nox.Session) -> None:
    """Mutate a sample of the updater and check whether its tests notice (nightly)."""
    install(session, group="test")
    write_to_memory(session)
    session.run("python", "-m", "tools.mutants.updater", *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Redraw the pictures of the README from real runs (not in CI)."""
    install(session, group="evergreen")
    with rendered(session, "my-service") as folder:
        session.run("python", "-m", "tools.pictures", str(folder), "docs")


@contextmanager
def rendered(session: nox.Session, name: str, *options: str) -> Iterator[Path]:
    """Renders HEAD, or the working tree if it has changes, into a temporary folder."""
    with tempfile.TemporaryDirectory() as temporary:
        # For root, PostgreSQL runs as another user, and keeps its data elsewhere if it can't enter.
        Path(temporary).chmod(0o755)
        folder = Path(temporary) / name
        # Otherwise Copier renders the newest release, in a clone that has tags.
        options = ("--vcs-ref=HEAD", *options)
        session.run("copier", "copy", "--quiet", "--defaults", *options, str(ROOT), str(folder))
        yield folder
