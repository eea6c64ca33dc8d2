"""Draws a picture of a real terminal run: the commands, and what they print.

Usage: python benchmarks/picture.py FOLDER-OF-A-SERVICE PICTURE.svg
"""

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COMMANDS = ["uv run pytest -q", "uv run pytest -q --cov=app", "uv run poe lint"]
# Without the fonts that the standard format fetches from elsewhere.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
WIDTH = 100


def output_of(command: str, folder: Path) -> str:
    """What a command prints on a terminal, with its colours; raises if it fails."""
    terminal, its_end = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    environment.pop("VIRTUAL_ENV", None)
    process = subprocess.Popen(
        command.split(), cwd=folder, env=environment, stdout=its_end, stderr=its_end
    )
    os.close(its_end)
    printed = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        printed += chunk
    if process.wait() != 0:
        raise RuntimeError(f"{command} failed:\n{printed.decode()}")
    return printed.decode().replace("\r\n", "\n")


def main() -> None:
    folder, picture = Path(sys.argv[1]), Path(sys.argv[2])
    subprocess.run(["uv", "sync", "--quiet"], cwd=folder, check=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in COMMANDS:
        console.print(Text(f"$ {command}", style="bold"))
        console.print(Text.from_ansi(output_of(command, folder)))
    console.save_svg(str(picture), title=folder.name, code_format=FORMAT)
    print(f"{picture} is drawn")


if __name__ == "__main__":
    main()
