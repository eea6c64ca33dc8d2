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
from tempfile import TemporaryDirectory


def run(*command: str, pipe: int | None = subprocess.PIPE) -> tuple[int, str]:
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        signal.signal(signal.SIGINT, lambda *_: None)  # wait: a terminal sends it to both
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        printed = b"".join(filter(None, process.communicate())).decode(errors="replace").strip()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode, printed


if __name__ == "__main__":
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)  # set by git for its hooks and aliases
    program = shutil.which("git") or sys.exit("There is no program git: install uv and git first.")
    answers = Path(".copier-answers.yml")
    text = answers.read_text("utf-8") if answers.is_file() else ""
    if not (found := re.search(r"(?m)^_src_path: (['\"]?)(.+(?:\n .+)*)\1$", text)):
        sys.exit(f"There is no {answers} in {Path.cwd()} that names the template of a service.")
    address = re.sub(r"\n +", " ", found[2]).replace("''", "'").removeprefix("git+")
    address = re.sub("^gh:", "https://github.com/", re.sub("^gl:", "https://gitlab.com/", address))
    address = str(Path(address).expanduser()) if address.startswith("~") else address
    if ":" not in address and not Path(address).is_absolute():
        sys.exit(
            f"The template is in {address}, says {answers}, but relative to which folder?\n"
            "Write its whole path or its address there, and commit that."
        )
    with TemporaryDirectory(ignore_cleanup_errors=True) as clone:
        git = (program, "-c", "core.hooksPath=/dev/null", "-C", clone)
        code, printed = run(*git, "clone", "--quiet", "--no-checkout", "--", address, clone)
        tags = re.findall(r"(?m)^v?\d+(?:\.\d+)+$", run(*git, "tag")[1] if code == 0 else "")
        for tag in sorted(tags, key=lambda tag: [-int(part) for part in re.findall(r"\d+", tag)]):
            run(*git, "checkout", "--quiet", "--detach", f"refs/tags/{tag}")
            if (updater := Path(clone, "updater")).is_dir():
                sys.exit(run(sys.executable, str(updater), *sys.argv[1:], pipe=None)[0])
    problem = printed or "it has no release with an updater"
    sys.exit(code if code > 128 else f"The template in {address} can't be used: {problem}")
