"""The proof of the template. `uvx nox` runs what CI runs; `uvx nox -l` lists all of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nox

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["lint", "types", "tests", "service", "fuzz"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
COPIER = "copier>=9.19.1"
PROJECT = nox.project.load_toml("pyproject.toml")

SERVICES: dict[str, dict[str, str]] = {
    "default": {},
    "without the example": {
        "example": "false",
        "container": "false",
        "ci": "none",
        "coverage_threshold": "100",
    },
    "postgresql": {"database": "postgresql", "coverage_threshold": "100"},
    "hostile answers": {
        "project_name": 'My "best" service: #1 {{ x }} \\ ünïcode 🚀',
        "description": 'It\'s "quoted" \\ back: #1 {% raw %} {{ braces }}',
        "coverage_threshold": "100",
    },
}


def install(session: nox.Session, *requirements: str, group: str | None = None) -> None:
    """Into the environment of the session, which uv is then made to forget.

    A service that a session makes has an environment of its own; with these variables, uv
    would install it into that of the session.
    """
    if group is not None:
        requirements += tuple(nox.project.dependency_groups(PROJECT, group))
    session.install(*requirements)
    session.env.pop("VIRTUAL_ENV", None)
    session.env.pop("UV_PROJECT_ENVIRONMENT", None)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style of the template's own code."""
    install(session, group="lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the template's own code."""
    install(session, group="types")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Render services with good and bad answers; read them, and serve one."""
    install(session, group="test")
    session.run("pytest", "-q", "-n", "2", *session.posargs)


@nox.session
@nox.parametrize("answers", [nox.param(answers, id=name) for name, answers in SERVICES.items()])
def service(session: nox.Session, answers: dict[str, str]) -> None:
    """Make a service as the README says; run its tests and all that its CI runs."""
    install(session, COPIER)
    data = [f"--data={name}={value}" for name, value in answers.items()]
    with rendered(session, "my service", *data) as folder, session.chdir(folder):
        session.run("uv", "run", "pytest", "-q", external=True)
        session.run("uv", "run", "poe", "check", external=True)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Send a service thousands of requests that its OpenAPI document allows or forbids."""
    install(session, COPIER)
    with rendered(session, "service") as folder, session.chdir(folder):
        session.run("uv", "run", "poe", "fuzz", external=True)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure the suite, the first start and the answers under load (not in CI)."""
    install(session, COPIER, "httpx")
    with tempfile.TemporaryDirectory() as temporary:
        folder = str(Path(temporary) / "service")
        session.run("python", "benchmarks/first_start.py", str(ROOT), folder)
        session.run("python", "benchmarks/suite.py", folder)
        session.run("python", "benchmarks/liveness.py", folder)
        with rendered(session, "service", "--data=database=postgresql") as on_postgresql:
            session.run("python", "benchmarks/databases.py", folder, str(on_postgresql))


@nox.session
def mutants(session: nox.Session) -> None:
    """Mutate a service and see whether its suite notices (not in CI)."""
    install(session, COPIER)
    with rendered(session, "service") as folder:
        with session.chdir(folder):
            session.run("uv", "sync", "--quiet", external=True)
        session.run("python", "-m", "mutants", str(folder), *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures of the README anew, from real runs (not in CI)."""
    install(session, COPIER, "rich")
    with rendered(session, "my-service") as folder:
        session.run("python", "benchmarks/picture.py", str(folder), "docs")


@contextmanager
def rendered(session: nox.Session, name: str, *options: str) -> Iterator[Path]:
    """A service of HEAD, or of the working tree if that has changes, in a temporary folder."""
    with tempfile.TemporaryDirectory() as temporary:
        # For root, PostgreSQL runs as somebody else, and its data is elsewhere in a private folder.
        Path(temporary).chmod(0o755)
        folder = Path(temporary) / name
        session.run("copier", "copy", "--quiet", "--defaults", *options, str(ROOT), str(folder))
        yield folder
