"""Draws pictures of a real terminal in a service: commands and their output.

Usage: python -m tools.pictures SERVICE-FOLDER PICTURE-FOLDER
"""

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text

from evergreen.edits import make_ten_commits
from evergreen.releases import clone_with_tags, commit_all, copy_of_release, find_releases, git
from evergreen.working_tree import ROOT

FIRST_RUN = ["uv run pytest -q", "uv run pytest -q --cov=app", "uv run poe lint"]
NEW_RESOURCE = """\
uv run poe new-resource invoice number:str:1..20:unique amount:decimal:10,2 \\
      due:date:optional status:enum:draft,sent,paid"""
TEST_WITH_A_TYPO = """
from tests.client import AsyncClient


async def test_a_new_task_is_made(client: AsyncClient) -> None:
    response = await client.post("/tasks", json={"titel": "Buy milk"})

    assert response.status_code == 201
"""
# The standard format fetches fonts from the web.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
WIDTH = 100
UPDATE = [
    "git log --oneline --max-count=4",
    "uv run --no-project ../evergreen/template/template_tasks.py update",
    "git branch --verbose",
]


def output_of(command: str, folder: Path) -> str:
    """Returns what a command prints on a terminal, with colours, whether it fails or not."""
    terminal, command_end = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    environment.pop("VIRTUAL_ENV", None)
    process = subprocess.Popen(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=command_end,
        stderr=command_end,
    )
    os.close(command_end)
    printed = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        printed += chunk
    process.wait()
    return printed.decode().replace("\r\n", "\n")


def draw(picture: Path, commands: list[str], folder: Path) -> None:
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in commands:
        console.print(Text(f"$ {command}", style="bold"))
        printed = console.render(Text.from_ansi(output_of(command, folder)))
        # pytest colours each dot of its own, which would be as many elements of the picture.
        console.print(Segments(Segment.simplify(printed)))
    console.save_svg(str(picture), title=folder.name, code_format=FORMAT)
    print(f"Drew {picture}")


def main() -> None:
    folder, pictures = Path(sys.argv[1]), Path(sys.argv[2])
    subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    draw(pictures / "first-run.svg", FIRST_RUN, folder)
    test = folder / "tests/test_typo.py"
    test.write_text(TEST_WITH_A_TYPO)
    draw(pictures / "failing-test.svg", [f"uv run pytest -q tests/{test.name}"], folder)
    test.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        template, newest = template_with_releases(Path(temporary))
        service = service_of(template, newest, Path(temporary) / "new" / folder.name)
        draw(pictures / "new-resource.svg", [NEW_RESOURCE], service)
        draw(pictures / "update.svg", UPDATE, service_of_a_team(template))


def template_with_releases(folder: Path) -> tuple[Path, str]:
    """Clones the template; returns the clone, and the release that its HEAD is.

    HEAD is called the next release if it is none yet.
    """
    template = clone_with_tags(ROOT, folder / "evergreen")
    if not (head := git("tag", "--points-at=HEAD", cwd=template).strip()):
        *_, newest = find_releases(ROOT)
        major, minor, _ = newest.split(".")
        head = f"{major}.{int(minor) + 1}.0"
        git("tag", head, cwd=template)
    return template, head


def service_of(template: Path, release: str, folder: Path) -> Path:
    """Creates a service that has been installed and committed."""
    service = copy_of_release(template, release, {}, folder)
    subprocess.run(["uv", "sync", "--quiet"], cwd=service, check=True)
    commit_all(service)
    return service


def service_of_a_team(template: Path) -> Path:
    """Creates a service of the first release with ten commits, beside the template."""
    first, *_ = find_releases(ROOT)
    service = copy_of_release(template, first, {}, template.with_name("my-service"))
    make_ten_commits(service)
    return service


if __name__ == "__main__":
    main()
