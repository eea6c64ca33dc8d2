"""Makes clients from the OpenAPI document of a served service, and uses them.

Usage: python -m tools.clients SERVICE-FOLDER
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tools.benchmarks.liveness import ADDRESS, served

HERE = Path(__file__).parent
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
TOOLS_OF_NODE = ["package.json", "redocly.yaml", "tasks.ts"]


def run(step: str, *command: str, folder: Path) -> None:
    """Prints what the command has printed only if it fails."""
    started = time.perf_counter()
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **QUIET, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{time.perf_counter() - started:5.1f} s  {step}", flush=True)
    if result.returncode != 0:
        sys.exit(f"{result.stdout}\n{' '.join(command)} failed.")


def check_python_client(folder: Path) -> None:
    run(
        "a client by openapi-python-client",
        *("openapi-python-client", "generate", "--path=openapi.json", "--meta=none"),
        *("--output-path=service_client", "--fail-on-warning"),
        folder=folder,
    )
    run("used on the service", sys.executable, str(HERE / "tasks.py"), ADDRESS, folder=folder)


def check_with_node(folder: Path) -> None:
    for name in TOOLS_OF_NODE:
        shutil.copy(HERE / name, folder)
    # Without a lock file, which would name a registry.
    options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    run("tools installed by npm", "npm", "install", *options, folder=folder)
    programs = folder / "node_modules/.bin"
    generate = ("openapi.json", "--output=service.ts")
    run("types by openapi-typescript", f"{programs}/openapi-typescript", *generate, folder=folder)
    strict = ("--noEmit", "--strict", "--target", "esnext", "--moduleResolution", "bundler")
    run("compiled by tsc", f"{programs}/tsc", *strict, "tasks.ts", folder=folder)
    run(
        "the document by redocly lint", f"{programs}/redocly", "lint", "openapi.json", folder=folder
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not (shutil.which("node") and shutil.which("npm")):
        sys.exit(
            "This needs Node 20.19 or newer and its npm on the PATH: install them and try again."
        )
    with served(Path(sys.argv[1])), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        document = httpx.get(f"{ADDRESS}/openapi.json").raise_for_status().text
        (folder / "openapi.json").write_text(document)
        check_python_client(folder)
        check_with_node(folder)


if __name__ == "__main__":
    main()
