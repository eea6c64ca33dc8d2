"""Runs the template's updater in this service, for `poe template-check`, `-diff` and `-update`.

It clones the template that .copier-answers.yml names into a temporary folder, and checks out its
newest release that has an updater. So it runs the template's code before anyone here has read it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile


def run(*command: str, output: int | None = None) -> int:
    with subprocess.Popen(command, stdout=output, stderr=output) as process:
        signal.signal(signal.SIGINT, lambda *_: None)  # wait: a terminal sends it to both
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)  # set by git for its hooks and aliases
    program = shutil.which("git") or sys.exit("There is no program git: install uv and git first.")
    answers = Path(".copier-answers.yml")
    text = answers.read_text("utf-8") if answers.is_file() else ""
    if not (found := re.search(r"(?m)^_src_path: (['\"]?)(.+(?:\n .+)*)\1$", text)):
        sys.exit(f"There is no {answers} in {Path.cwd()} that names the template of a service.")
    address = re.sub(r"\n +", " ", found[2]).replace(found[1] * 2, found[1]).removeprefix("git+")
    address = re.sub("^gh:", "https://github.com/", re.sub("^gl:", "https://gitlab.com/", address))
    address = str(Path(address).expanduser()) if address.startswith("~") else address
    if ":" not in address and not Path(address).is_absolute():
        problem = "relative to which folder? Write its whole path or address there and commit that."
        sys.exit(f"The template is in {address}, says {answers}, but {problem}")
    with TemporaryDirectory(ignore_cleanup_errors=True) as clone, TemporaryFile() as file:
        git, output = (program, "-c", "core.hooksPath=/dev/null", "-C", clone), file.fileno()
        code = run(*git, "clone", "--quiet", "--no-checkout", "--", address, clone, output=output)
        code = code or run(*git, "tag", "--no-column", output=output)
        file.seek(0)
        tags = re.findall(r"(?m)^v?\d+(?:\.\d+)+$", printed := file.read().decode(errors="replace"))
        for tag in sorted(tags, key=lambda tag: [-int(part) for part in re.findall(r"\d+", tag)]):
            run(*git, "checkout", "--quiet", "--detach", f"refs/tags/{tag}", output=output)
            if Path(clone, "updater/__main__.py").is_file():
                sys.exit(run(sys.executable, f"{clone}/updater", *sys.argv[1:]))
    problem = printed.strip() if code != 0 else "it has no release with an updater"
    sys.exit(code if code > 128 else f"The template in {address} can't be used: {problem}")
