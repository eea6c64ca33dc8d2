"""Breaks the image and the compose file of a service on purpose: each step must be able to fail."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evergreen.releases import commit_all, git
from tools.image.proof import proven


@dataclass(frozen=True)
class Control:
    """A text that is replaced in a file of the service with SQLite, and the step that notices."""

    defect: str
    path: str
    old: str
    new: str
    noticed_by: str


CONTROLS = [
    Control(
        "uv.lock does not get into the image",
        ".dockerignore",
        "!uv.lock\n",
        "",
        "Build",
    ),
    Control(
        "the image lacks the migrations",
        "Dockerfile",
        "COPY migrations migrations\n",
        "",
        "Migrate, serve, and wait until it is ready",
    ),
    Control(
        "compose runs no migration",
        "compose.yaml",
        "command: [alembic, upgrade, head]",
        "command: [alembic, current]",
        "Serve",
    ),
    Control(
        "the health check requests a route that does not exist",
        "Dockerfile",
        "/livez'",
        "/health'",
        "Be healthy",
    ),
    Control(
        "the service runs as root",
        "compose.yaml",
        "  cap_drop: [ALL]\n",
        "  user: '0'\n",
        "Run as an ordinary user",
    ),
    Control(
        "the service has capabilities",
        "compose.yaml",
        "  cap_drop: [ALL]\n",
        "",
        "Run as an ordinary user",
    ),
    Control(
        "the root file system can be written",
        "compose.yaml",
        "  read_only: true\n",
        "",
        "Keep its root read-only",
    ),
    Control(
        "the data are not in the volume",
        "compose.yaml",
        "    ports:\n",
        "    environment:\n"
        "      SECRET_KEY: ${SECRET_KEY}\n"
        "      DATABASE_URL: sqlite+aiosqlite:////tmp/service.db\n"
        "    command: [sh, -c, alembic upgrade head && exec uvicorn --host=0.0.0.0 app.main:app]\n"
        "    ports:\n",
        "Keep its data",
    ),
    Control(
        "the server does not wait for requests in flight",
        "Dockerfile",
        '"--timeout-graceful-shutdown", "10"',
        '"--timeout-graceful-shutdown", "0"',
        "Finish requests at `docker stop`",
    ),
    Control(
        "the server is the child of a shell",
        "Dockerfile",
        'CMD ["uvicorn", ',
        'ENTRYPOINT ["sh", "-c", "\\"$@\\"; exit", "sh"]\nCMD ["uvicorn", ',
        "Finish requests at `docker stop`",
    ),
    Control(
        "the image has all of the build",
        "Dockerfile",
        "\nFROM python\n",
        "\nFROM python\nCOPY --from=build / /build\n",
        "Be small",
    ),
]


def prove_controls(
    services: dict[str, Path], environment: dict[str, str], console: Console
) -> bool:
    """Breaks a service in each way; returns whether the step that should notice was the first."""
    repository = services["sqlite"]
    table = Table("defect", "noticed by", title="Services broken on purpose")
    passed = True
    for control in CONTROLS:
        path = repository / control.path
        whole = path.read_text()
        if whole.count(control.old) != 1:
            raise ValueError(f"{control.path} does not contain {control.old!r} once")
        path.write_text(whole.replace(control.old, control.new))
        commit_all(repository)
        failed = [
            result.step for result in proven("sqlite", repository, environment) if not result.passed
        ]
        noticed = failed[:1] == [control.noticed_by]
        mark = "[green]✓[/]" if noticed else "[red]✗[/]"
        step = escape(failed[0]) if failed else "no step"
        console.print(f"{mark} {escape(control.defect)}: noticed by {step}", soft_wrap=True)
        table.add_row(escape(control.defect), f"{mark} {step}")
        git("revert", "--no-edit", "HEAD", cwd=repository)
        passed = passed and noticed
    console.print(table)
    return passed
