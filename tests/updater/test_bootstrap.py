"""The script of a service that fetches the updater: addresses, releases, what it cannot do, signals."""

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from evergreen.edits import write
from evergreen.processes import command_lines, heed_ctrl_c, wait_until
from evergreen.releases import git, release
from evergreen.suites import own_environment
from evergreen.working_tree import ROOT

BOOTSTRAP = ROOT / "template/template_tasks.py"
ANSWERS = ".copier-answers.yml"
MAX_LINES = 70
SAYS_WHERE = """\
import os, sys
from pathlib import Path

release = Path(__file__).with_name("release").read_text()
print(release, Path.cwd(), sys.argv[1:], sorted(set(os.environ) & {"GIT_DIR", "GIT_INDEX_FILE"}))
sys.exit(int(os.environ.get("EXIT", "0")))
"""
WAITS = """\
import os, signal, sys, time

def stop(number, frame):
    time.sleep(0.5)
    print("stopped by", signal.Signals(number).name, flush=True)
    os._exit(7)

signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
print("waiting", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def git_of_nobody(isolated_git: None) -> None:
    """No setting of this machine changes what git does."""


def release_with_updater(template: Path, version: str, updater: str = SAYS_WHERE) -> None:
    write(template / "updater/__main__.py", updater)
    write(template / "updater/release", version)
    release(template, version)


@pytest.fixture
def small_template(tmp_path: Path) -> Path:
    """A template with one release that has an updater, in a folder that YAML quotes and folds."""
    folder = tmp_path / f"the team's templates: {'all of them, and then some; ' * 3}/template"
    folder.mkdir(parents=True)
    release_with_updater(folder, "1.0.0")
    return folder


@pytest.fixture
def service(small_template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "Dienst für alle"
    folder.mkdir()
    shutil.copy(BOOTSTRAP, folder)
    record(folder, str(small_template))
    return folder


def record(service: Path, address: str) -> None:
    """In the answers, as Copier writes them."""
    answers = {"_commit": "1.0.0", "_src_path": address, "project_name": "Ours"}
    text = yaml.dump(answers, indent=4, allow_unicode=True, default_flow_style=False)
    (service / ANSWERS).write_text(f"# Written by Copier\n{text}")


def start(service: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """In a session of its own, and with a folder of its own for what is temporary."""
    temporary = service.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, BOOTSTRAP.name, *arguments],
        cwd=service,
        env=own_environment() | {"TMPDIR": str(temporary)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )


def ended(process: subprocess.Popen[str], service: Path) -> subprocess.CompletedProcess[str]:
    """Returns what the bootstrap printed and returned; it has left nothing behind."""
    stdout, stderr = process.communicate(timeout=20)
    assert list((service.parent / "temporary").iterdir()) == []
    assert "Traceback" not in stderr
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def run(service: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return ended(start(service, *arguments, **variables), service)


def test_it_has_at_most_70_lines() -> None:
    assert len(BOOTSTRAP.read_text().splitlines()) <= MAX_LINES


def test_it_uses_nothing_that_windows_lacks() -> None:
    used = re.findall(r"\b(?:os|signal)\.(\w+)", BOOTSTRAP.read_text())

    assert set(used) == {"environ", "signal", "SIGINT", "SIGTERM"}


# ── What it passes on ────────────────────────────────────────────────────────


def test_the_updater_runs_in_the_service_with_all_arguments(service: Path) -> None:
    result = run(service, "new-verb", "--new-option", "a b", "--help", "--", "-x", EXIT="7")

    arguments = ["new-verb", "--new-option", "a b", "--help", "--", "-x"]
    assert result.stdout == f"1.0.0 {service} {arguments} []\n"
    assert result.stderr == ""
    assert result.returncode == 7


def test_a_hook_of_git_can_run_it(service: Path) -> None:
    set_by_git = {"GIT_DIR": ".git", "GIT_WORK_TREE": "/", "GIT_INDEX_FILE": f"{service}/index"}

    result = run(service, **set_by_git)

    assert result.stdout == f"1.0.0 {service} [] []\n"
    assert not (service / "index").exists()


def test_a_hook_of_its_user_does_not_stop_it(service: Path, tmp_path: Path) -> None:
    write(tmp_path / "hooks/post-checkout", "#!/bin/sh\nexit 1\n")
    (tmp_path / "hooks/post-checkout").chmod(0o755)
    write(tmp_path / "gitconfig", f'[core]\n    hooksPath = "{tmp_path}/hooks"\n')

    assert run(service, GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig")).stdout.startswith("1.0.0")


# ── Addresses ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "{path}",
        "file://{path}",
        "git+file://{path}",
        "~/template",
        "gh:team/template",
        "gh:team/template.git",
        "gl:team/group/template",
        "https://github.com/team/template.git",
        "git+https://github.com/team/template",
        "git@github.com:team/template.git",
        "ssh://git@github.com/team/template",
    ],
)
def test_an_address_of_any_form_is_found(
    service: Path, small_template: Path, tmp_path: Path, address: str
) -> None:
    record(service, address.format(path=small_template))
    hosts = [
        "https://github.com/team/template.git",
        "https://github.com/team/template",
        "https://gitlab.com/team/group/template",
        "git@github.com:team/template.git",
        "ssh://git@github.com/team/template",
    ]
    stand_ins = "".join(f'    insteadOf = "{host}"\n' for host in hosts)
    write(tmp_path / "gitconfig", f'[url "{small_template}"]\n{stand_ins}')
    variables = {"HOME": str(small_template.parent), "GIT_CONFIG_GLOBAL": f"{tmp_path}/gitconfig"}

    assert run(service, **variables).stdout.startswith("1.0.0 ")


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_an_address_that_a_person_has_written_is_found(
    service: Path, tmp_path: Path, quote: str
) -> None:
    release_with_updater(tmp_path / "template", "2.0.0")
    (service / ANSWERS).write_text(
        f"_src_path: {quote}{tmp_path}/template{quote}\r\n_commit: 1\r\n"
    )

    assert run(service).stdout.startswith("2.0.0 ")


def test_a_template_that_has_moved_can_be_named(service: Path, tmp_path: Path) -> None:
    release_with_updater(tmp_path / "moved", "2.0.0")

    result = run(service, "update", "--template", f"{tmp_path}/moved")

    arguments = ["update", "--template", f"{tmp_path}/moved"]
    assert result.stdout == f"2.0.0 {service} {arguments} []\n"


@pytest.mark.parametrize("option", ["--answers-file", "-a"])
def test_answers_with_another_name_can_be_named(service: Path, option: str) -> None:
    (service / ANSWERS).rename(service / "answers of ours.yml")

    assert run(service, "check", option, "answers of ours.yml").stdout.startswith("1.0.0 ")


# ── Releases ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        (["1.9.0", "1.10.0"], "1.10.0"),
        (["v1.10.0", "1.9.0"], "v1.10.0"),
        (["v1.9.0", "1.10.0"], "1.10.0"),
        (["1.1.0", "2.0.0rc1", "v2.0.0-beta", "3.0.0.dev1", "nightly-4.0.0"], "1.1.0"),
        (["V1.1.0", "2"], "2"),
        (["1.1.0", "1.1.0.post1"], "1.1.0.post1"),
    ],
)
def test_the_updater_is_that_of_the_newest_release(
    service: Path, small_template: Path, tags: list[str], newest: str
) -> None:
    for tag in tags:
        release_with_updater(small_template, tag)

    assert run(service).stdout.startswith(f"{newest} ")


def test_a_release_without_an_updater_is_passed_over(service: Path, small_template: Path) -> None:
    shutil.rmtree(small_template / "updater")
    release(small_template, "2.0.0")
    write(small_template / "updater/release", "a folder that cannot be run")
    release(small_template, "3.0.0")

    assert run(service).stdout.startswith("1.0.0 ")


@pytest.mark.parametrize("candidate", ["2.0.0rc1", "next"])
def test_the_updater_of_a_candidate_is_its_own(
    service: Path, small_template: Path, candidate: str
) -> None:
    git("switch", "--quiet", "--create", "next", cwd=small_template)
    release_with_updater(small_template, "2.0.0rc1")
    git("switch", "--quiet", "main", cwd=small_template)

    assert run(service, "update", "--to", candidate).stdout.startswith("2.0.0rc1 ")


@pytest.mark.parametrize("target", ["1.0.0", "v3.0.0", "-x", "nothing"])
def test_any_other_target_is_for_the_newest_updater(
    service: Path, small_template: Path, target: str
) -> None:
    release_with_updater(small_template, "2.0.0")

    assert run(service, "update", f"--to={target}").stdout.startswith("2.0.0 ")


def test_without_a_release_the_updater_is_that_of_the_default_branch(
    service: Path, small_template: Path
) -> None:
    git("tag", "--delete", "1.0.0", cwd=small_template)

    assert run(service).stdout.startswith("1.0.0 ")


@pytest.mark.parametrize("commit", ["1.0.0", "{description}"])
def test_a_resource_is_made_by_the_release_that_the_service_has(
    service: Path, small_template: Path, commit: str
) -> None:
    description = git("describe", "--tags", "--long", cwd=small_template).strip()
    answers = service / ANSWERS
    answers.write_text(answers.read_text().replace("1.0.0", commit.format(description=description)))
    release_with_updater(small_template, "2.0.0")

    result = run(service, "new-resource", "note", "title:str", "--to", "2.0.0")

    arguments = ["new-resource", "note", "title:str", "--to", "2.0.0"]
    assert result.stdout == f"1.0.0 {service} {arguments} []\n"


def test_a_commit_that_the_template_does_not_have_is_said(
    service: Path, small_template: Path
) -> None:
    answers = service / ANSWERS
    answers.write_text(answers.read_text().replace("1.0.0", "1.0.0-3-g0123456"))

    result = run(service, "new-resource", "note", "title:str")

    assert result.stderr == (
        f"The template in {small_template} can't be used: it has no 1.0.0-3-g0123456, which "
        ".copier-answers.yml names\n"
    )


# ── What it cannot do, in a sentence ─────────────────────────────────────────


def without_answers(service: Path, template: Path) -> dict[str, str]:
    (service / ANSWERS).unlink()
    return {}


def with_answers_of_something_else(service: Path, template: Path) -> dict[str, str]:
    (service / ANSWERS).write_text("_commit: 1.0.0\n")
    return {}


def with_a_relative_path(service: Path, template: Path) -> dict[str, str]:
    record(service, "../template")
    return {}


def without_git(service: Path, template: Path) -> dict[str, str]:
    return {"PATH": ""}


def without_the_template(service: Path, template: Path) -> dict[str, str]:
    record(service, "/nowhere/template")
    return {}


def without_network(service: Path, template: Path) -> dict[str, str]:
    record(service, "https://127.0.0.1:1/template.git")
    return {}


def without_an_updater(service: Path, template: Path) -> dict[str, str]:
    shutil.rmtree(template / "updater")
    release(template, "2.0.0")
    git("tag", "--delete", "1.0.0", cwd=template)
    return {}


SENTENCES: dict[Callable[[Path, Path], dict[str, str]], str] = {
    without_answers: (
        "There is no {ANSWERS} in {service} that names the template of a service. "
        "--answers-file names one with another name.\n"
    ),
    with_answers_of_something_else: (
        "There is no {ANSWERS} in {service} that names the template of a service. "
        "--answers-file names one with another name.\n"
    ),
    with_a_relative_path: (
        "The template is in ../template, says {ANSWERS}, but relative to which folder? "
        "Write its whole path or address there and commit that.\n"
    ),
    without_git: "There is no program git: install uv and git first.\n",
    without_the_template: (
        "The template in /nowhere/template can't be used: "
        "fatal: repository '/nowhere/template' does not exist\n"
    ),
    without_network: (
        "The template in https://127.0.0.1:1/template.git can't be used: fatal: unable to access "
    ),
    without_an_updater: (
        "The template in {template} can't be used: it has no release with an updater\n"
    ),
}


@pytest.mark.parametrize("cause", SENTENCES, ids=lambda cause: cause.__name__)
def test_what_it_cannot_do_is_said_in_a_sentence(
    service: Path, small_template: Path, cause: Callable[[Path, Path], dict[str, str]]
) -> None:
    variables = cause(service, small_template)

    result = run(service, "update", **variables)

    sentence = SENTENCES[cause].format(ANSWERS=ANSWERS, service=service, template=small_template)
    assert result.stderr.startswith(sentence)
    assert result.stdout == ""
    assert result.returncode == 1


def test_every_sentence_of_it_is_tested() -> None:
    _, *constants = (
        node.value
        for node in ast.walk(ast.parse(BOOTSTRAP.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    parts = [text for text in constants if len(text.split()) > 2 and "?:" not in text]

    assert len(parts) == 9
    for part in parts:
        assert any(part in sentence for sentence in SENTENCES.values()), part


# ── What stops it ────────────────────────────────────────────────────────────


@pytest.fixture
def silent_host() -> Iterator[str]:
    """The address of a template on a host that accepts connections, but never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/template.git"


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """As a terminal does: all of its processes receive the signal."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize(
    ("stop", "code"), [(press_ctrl_c, 130), (subprocess.Popen[str].terminate, 143)]
)
def test_a_clone_that_is_stopped_leaves_nothing_behind(
    service: Path, silent_host: str, stop: Callable[[subprocess.Popen[str]], None], code: int
) -> None:
    record(service, silent_host)
    process = start(service)
    wait_until(lambda: any("git-remote-http" in line for line in command_lines(process.pid)))

    stop(process)

    result = ended(process, service)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", "")


@pytest.mark.parametrize(
    ("stop", "name"),
    [(press_ctrl_c, "SIGINT"), (subprocess.Popen[str].terminate, "SIGTERM")],
)
def test_an_updater_that_is_stopped_ends_by_itself(
    service: Path,
    small_template: Path,
    stop: Callable[[subprocess.Popen[str]], None],
    name: str,
) -> None:
    release_with_updater(small_template, "2.0.0", WAITS)
    process = start(service)
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"

    stop(process)
    time.sleep(0.1)
    stop(process)

    result = ended(process, service)
    assert result.stdout.splitlines()[-1] == f"stopped by {name}"
    assert result.returncode == 7


def test_an_updater_that_is_killed_is_reported_as_by_a_shell(
    service: Path, small_template: Path
) -> None:
    release_with_updater(small_template, "2.0.0", "import os\nos.kill(os.getpid(), 9)\n")

    assert run(service).returncode == 128 + 9
