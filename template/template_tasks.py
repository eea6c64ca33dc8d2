"""Runs the template's updater in this service, for `poe template-check`, `-diff` and `-update`.

It clones the template that .copier-answers.yml names into a temporary folder, and checks out its
newest release that has an updater, or the candidate after `--to`. So it runs the template's code
before anyone here has read it. `poe new-resource` runs that of the release that this service has.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

RELEASE = re.compile(r"(?m)^[vV]?\d+(?:\.\d+)*(?:[.-]?post\d+)?$")
COMMIT = r"(?m)^_commit: ['\"]?(.+?)['\"]?$"


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
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--answers-file", "-a", default=".copier-answers.yml")
    parser.add_argument("--template")  # where it is now, if it has moved
    parser.add_argument("--to", default="")
    options, _ = parser.parse_known_args()
    answers, address = Path(options.answers_file), options.template
    text = answers.read_text("utf-8") if answers.is_file() else ""
    if not (found := re.search(r"(?m)^_src_path: (['\"]?)(.+(?:\n .+)*)\1$", text)):
        problem = "names the template of a service. --answers-file names one with another name."
        sys.exit(f"There is no {answers} in {Path.cwd()} that {problem}")
    address = address or re.sub(r"\n +", " ", found[2]).replace(found[1] * 2, found[1])
    address = re.sub("^gh:", "https://github.com/", address.removeprefix("git+"))
    address = re.sub("^gl:", "https://gitlab.com/", address)
    address = str(Path(address).expanduser()) if address.startswith("~") else address
    if ":" not in address and not Path(address).is_absolute():
        problem = "relative to which folder? Write its whole path or address there and commit that."
        where = "--template" if options.template else answers
        sys.exit(f"The template is in {address}, says {where}, but {problem}")
    with TemporaryDirectory(ignore_cleanup_errors=True) as clone, TemporaryFile() as file:
        git, output = (program, "-c", "core.hooksPath=/dev/null", "-C", clone), file.fileno()
        code = run(*git, "clone", "--quiet", "--no-checkout", "--", address, clone, output=output)
        code = code or run(*git, "tag", "--no-column", output=output)
        file.seek(0)
        tags = RELEASE.findall(printed := file.read().decode(errors="replace"))
        tags.sort(key=lambda tag: [*map(int, re.findall(r"\d+", tag))], reverse=True)
        names = [f"refs/tags/{tag}" for tag in tags] + ["refs/remotes/origin/HEAD"]
        if (to := options.to) and not RELEASE.match(to):
            names = [f"refs/tags/{to}", f"refs/remotes/origin/{to}", f"{to}^0", *names]
        ours = re.search(COMMIT, text) if sys.argv[1:2] == ["new-resource"] else None
        names = [f"refs/tags/{ours[1]}", f"{ours[1]}^0"] if ours else names
        missing = f"{ours[1]}, which {answers} names" if ours else "release with an updater"
        for name in names:
            run(*git, "checkout", "--quiet", "--detach", name, "--", output=output)
            if Path(clone, "updater/__main__.py").is_file():
                sys.exit(run(sys.executable, f"{clone}/updater", *sys.argv[1:]))
    problem = printed.strip() if code != 0 else f"it has no {missing}"
    sys.exit(code if code > 128 else f"The template in {address} can't be used: {problem}")
