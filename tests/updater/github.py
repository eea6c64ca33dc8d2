"""Stands in for GitHub: a repository, its pull requests, and the runs of its weekly workflow.

The commands of the workflow run as written, with git, a server that asks for tokens, and a stand-in
for GitHub's program `gh`. Of actions, only the effect that the workflow relies on is there. An
action, condition or expression that is unknown here is an error, since its effect would go untested.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from evergreen.edits import write
from evergreen.releases import git
from evergreen.suites import own_environment
from evergreen.workflows import UnsupportedError
from tests.updater.git_server import Access, GitServer

JOB_TOKEN = "the-token-of-the-job"
UPDATE_TOKEN = "the-token-that-may-change-workflows"
TEMPLATE_TOKEN = "the-token-that-can-read-the-template"
STAND_IN_FOR_GH = Path(__file__).with_name("stand_in_for_gh.py")
WORKFLOW = ".github/workflows/template-update.yml"
PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")

PRE_RECEIVE = f"""\
#!/bin/sh
while read -r old new ref; do
    if [ "$ref" = refs/heads/main ]; then
        echo "error: GH006: Protected branch update failed for refs/heads/main."
        exit 1
    fi
    if [ "$REMOTE_USER" != {UPDATE_TOKEN} ] && git diff --quiet main "$new" -- .github; then :
    elif [ "$REMOTE_USER" != {UPDATE_TOKEN} ]; then
        echo "refusing to allow a GitHub App to create or update a workflow without permission"
        exit 1
    fi
done
"""


@dataclass
class WorkflowRun:
    folder: Path
    """Holds what its jobs have written, in a folder for each."""
    passed: bool = True
    jobs: list[str] = field(default_factory=list)
    """The names of those that have run."""
    output: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """The outputs of each job by name."""


@dataclass
class GitHub:
    """The repository `acme/orders`; its branch `main` is protected."""

    server: GitServer
    secrets: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    @property
    def origin(self) -> Path:
        return self.server.folder / "acme/orders.git"

    @property
    def state(self) -> Path:
        return self.server.folder / "state.json"

    def create_repository(self, service: Path) -> None:
        git("clone", "--quiet", "--bare", str(service), str(self.origin), cwd=service)
        self.server.access["acme"] = Access(writers={JOB_TOKEN, UPDATE_TOKEN})
        self.state.write_text(json.dumps({"pull_requests": [], "settings": []}))
        gh = self.server.folder / "bin/gh"
        program = shlex.join([sys.executable, str(STAND_IN_FOR_GH)])
        write(gh, f'#!/bin/sh\nexec {program} "$@"\n')
        write(self.origin / "hooks/pre-receive", PRE_RECEIVE)
        for script in (gh, self.origin / "hooks/pre-receive"):
            script.chmod(0o755)

    def change_settings(self, *settings: str) -> None:
        state = json.loads(self.state.read_text())
        self.state.write_text(json.dumps(state | {"settings": settings}))

    @property
    def pull_requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.state.read_text())["pull_requests"]
        return found

    def set_state(self, number: int, value: str) -> None:
        state = json.loads(self.state.read_text())
        state["pull_requests"][number - 1]["state"] = value
        self.state.write_text(json.dumps(state))

    def commit_of(self, branch: str) -> str:
        return git("rev-parse", f"refs/heads/{branch}", cwd=self.origin).strip()

    def text_of(self, branch: str, path: str) -> str:
        return git("show", f"{branch}:{path}", cwd=self.origin)

    def authors_of(self, branch: str) -> set[str]:
        """The addresses of the authors and committers of its own commits."""
        log = git("log", "--format=%ae%n%ce", f"main..{branch}", cwd=self.origin)
        return set(log.splitlines())

    @property
    def branches(self) -> list[str]:
        return git("branch", "--format=%(refname:short)", cwd=self.origin).splitlines()

    def files_changed_by(self, branch: str) -> list[str]:
        return git("diff", "--name-only", f"main...{branch}", cwd=self.origin).splitlines()

    def commit_by_a_person(self, branch: str, path: str, text: str) -> None:
        """Pushes a commit that adds or replaces a file, past the protection of branches."""
        clone = self.server.folder / "clone of a person"
        git("clone", "--quiet", f"--branch={branch}", str(self.origin), str(clone), cwd=self.origin)
        write(clone / path, text)
        git("add", "--all", cwd=clone)
        git(*PERSON, "commit", "--quiet", "--message=Ours", cwd=clone)
        git("fetch", "--quiet", str(clone), f"+{branch}:{branch}", cwd=self.origin)
        shutil.rmtree(clone)

    # ── The runs of the workflow ─────────────────────────────────────────────

    def run_workflow(self, path: str = WORKFLOW, **secrets: str) -> WorkflowRun:
        self.runs += 1
        run = WorkflowRun(self.server.folder / f"run {self.runs}")
        workflow = yaml.safe_load(git("show", f"main:{path}", cwd=self.origin))
        for name, job in workflow["jobs"].items():
            context = {f"secrets.{secret}": value for secret, value in secrets.items()}
            context["github.token"] = JOB_TOKEN
            if "needs" in job:
                outputs = run.outputs.get(job["needs"], {})
                for output, value in outputs.items():
                    context[f"needs.{job['needs']}.outputs.{output}"] = value
            if run.passed and self.holds(job.get("if", "success()"), context, run.passed):
                self.run_job(name, workflow, context, run)
        return run

    def run_job(
        self, name: str, workflow: dict[str, Any], context: dict[str, str], run: WorkflowRun
    ) -> None:
        run.jobs.append(name)
        job, folder = workflow["jobs"][name], run.folder / name
        checkout, temporary, output = (folder / part for part in ("checkout", "temp", "output"))
        temporary.mkdir(parents=True)
        context["runner.temp"] = str(temporary)
        variables = own_environment() | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REF_NAME": "main",
            "GITHUB_REPOSITORY": "acme/orders",
            "GITHUB_SERVER_URL": self.server.address,
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_STATE": str(self.state),
            "GITHUB_ORIGIN": str(self.origin),
            "GIT_CONFIG_GLOBAL": str(folder / ".gitconfig"),
            "PATH": f"{self.state.parent}/bin:{os.environ['PATH']}",
            "RUNNER_TEMP": str(temporary),
        }
        variables = {key: value for key, value in variables.items() if not is_identity(key)}
        for level in (workflow, job):
            variables |= {key: expand(text, context) for key, text in level.get("env", {}).items()}
        place = checkout / workflow["defaults"]["run"]["working-directory"]
        for step in job["steps"]:
            if not self.holds(step.get("if", "success()"), context, run.passed):
                continue
            if "uses" in step:
                self.use(step, context, checkout, run.folder / "artifacts")
                continue
            own = {key: expand(text, context) for key, text in step.get("env", {}).items()}
            # GitHub's default for a step that names no shell.
            result = subprocess.run(
                ["bash", "-e", "-c", expand(step["run"], context)],
                cwd=place,
                env=variables | own,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            run.output += f"── {step['name']}\n{result.stdout}"
            run.passed = run.passed and result.returncode == 0
            for line in output.read_text().splitlines() if output.exists() else []:
                key, _, value = line.partition("=")
                context[f"steps.{step['id']}.outputs.{key}"] = value
            output.unlink(missing_ok=True)
        run.outputs[name] = {
            key: expand(text, context, default="") for key, text in job.get("outputs", {}).items()
        }

    def use(
        self, step: dict[str, Any], context: dict[str, str], checkout: Path, artifacts: Path
    ) -> None:
        action, options = step["uses"].split("@")[0], step.get("with", {})
        if action == "actions/checkout":
            assert options["persist-credentials"] is False
            depth = options.get("fetch-depth", 1)
            shallow = [f"--depth={depth}"] if depth else []
            source = f"file://{self.origin}"
            git("clone", "--quiet", *shallow, source, str(checkout), cwd=self.origin)
            address = f"{self.server.address}/acme/orders.git"
            git("remote", "set-url", "origin", address, cwd=checkout)
        elif action == "actions/upload-artifact":
            shutil.copytree(expand(options["path"], context), artifacts / options["name"])
        elif action == "actions/download-artifact":
            shutil.copytree(artifacts / options["name"], expand(options["path"], context))
        elif action != "astral-sh/setup-uv":
            raise UnsupportedError(f"the action {action} is not supported")

    def holds(self, condition: str, context: dict[str, str], passed: bool) -> bool:
        if condition in ("success()", "failure()"):
            return passed == (condition == "success()")
        if not (found := re.fullmatch(r"(\S+) != ''", condition)):
            raise UnsupportedError(f"the condition `{condition}` is not supported")
        return passed and context.get(found[1], "") != ""


def is_identity(variable: str) -> bool:
    """GitHub's machines have none, so that the workflow has to configure it."""
    return re.fullmatch(r"GIT_(AUTHOR|COMMITTER)_\w+", variable) is not None


def expand(text: object, context: dict[str, str], default: str | None = None) -> str:
    """Replaces every `${{ … }}`; a secret that is not set is empty."""

    def value(found: re.Match[str]) -> str:
        for name in found[1].split(" || "):
            if not name.startswith("secrets.") and name not in context and default is None:
                raise UnsupportedError(f"the expression {found[0]} is not supported")
            if context.get(name):
                return context[name]
        return default or ""

    return re.sub(r"\$\{\{ *(.*?) *\}\}", value, str(text))
