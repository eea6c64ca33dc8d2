"""Stands in for GitHub's program `gh`, with the commands and errors that the workflow can meet.

The pull requests are in a file, which the variable GITHUB_STATE names; the branches are in a
repository, which GITHUB_ORIGIN names.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

STATE = Path(os.environ["GITHUB_STATE"])
ORIGIN = os.environ["GITHUB_ORIGIN"]
PullRequest = dict[str, Any]


def fail(message: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(re.sub("unrecognized arguments: (.*)", r"unknown flag: \1", message))


def find(pull_requests: list[PullRequest], branch: str) -> PullRequest:
    """An open one if there is one, else the newest; those of forks have another label."""
    found = [pull for pull in pull_requests if pull["headRefName"] == branch]
    if not found:
        fail(f'no pull requests found for branch "{branch}"')
    return max(found, key=lambda pull: (pull["state"] == "OPEN", pull["number"]))


def refuse(problem: str) -> NoReturn:
    fail(f"pull request create failed: GraphQL: {problem} (createPullRequest)")


def create(state: dict[str, Any], options: argparse.Namespace) -> None:
    head, base = options.head, options.base
    number = len(state["pull_requests"]) + 1
    url = f"https://github.com/acme/orders/pull/{number}"
    command = ["git", "-C", ORIGIN, "rev-parse", "--quiet", "--verify", f"refs/heads/{head}"]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        refuse("Head sha can't be blank, Head ref must be a branch")
    for pull in state["pull_requests"]:
        if (pull["headRefName"], pull["state"]) == (head, "OPEN"):
            fail(f'a pull request for branch "{head}" into branch "{base}" already exists:\n{url}')
    if "no pull requests" in state["settings"]:
        refuse("GitHub Actions is not permitted to create or approve pull requests")
    if options.draft and "no drafts" in state["settings"]:
        refuse("Draft pull requests are not supported in this repository.")
    state["pull_requests"].append(
        {
            "number": number,
            "headRefName": head,
            "baseRefName": base,
            "title": options.title,
            "body": Path(options.body_file).read_text(),
            "isDraft": options.draft,
            "state": "OPEN",
            "comments": [],
        }
    )
    sys.stdout.write(f"{url}\n")


def view(state: dict[str, Any], options: argparse.Namespace) -> None:
    if options.jq != f".{options.json}":
        fail(f"the stand-in does not support --json {options.json} --jq {options.jq}")
    sys.stdout.write(f"{find(state['pull_requests'], options.branch)[options.json]}\n")


def ready(state: dict[str, Any], options: argparse.Namespace) -> None:
    pull = find(state["pull_requests"], options.branch)
    if pull["state"] != "OPEN":
        fail(f"X Pull request #{pull['number']} is closed. Only draft pull requests can be marked")
    if options.undo and "no drafts" in state["settings"]:
        fail("API call failed: GraphQL: Draft pull requests are not supported in this repository.")
    pull["isDraft"] = options.undo


def close(state: dict[str, Any], options: argparse.Namespace) -> None:
    pull = find(state["pull_requests"], options.branch)
    if pull["state"] == "MERGED":
        fail(f"X Pull request #{pull['number']} can't be closed because it was already merged")
    pull["state"] = "CLOSED"
    pull["comments"].append(options.comment)


def api(state: dict[str, Any], options: argparse.Namespace) -> None:
    found = re.fullmatch(r"repos/acme/orders/pulls/(\d+)", options.path)
    if options.method != "PATCH" or not found:
        fail("gh: Not Found (HTTP 404)")
    pull = state["pull_requests"][int(found[1]) - 1]
    pull |= dict(text.split("=", 1) for text in options.raw_field)
    for text in options.field:
        name, value = text.split("=", 1)
        pull[name] = Path(value[1:]).read_text() if value.startswith("@") else value


def set_up_git(*_: object) -> None:
    """Lets git take the token from the environment, for this host alone."""
    key = f"credential.{os.environ['GITHUB_SERVER_URL']}.helper"
    login = '!f() { echo username=x-access-token; echo "password=$GH_TOKEN"; }; f'
    subprocess.run(["git", "config", "--global", key, login], check=True)


def parser() -> Parser:
    options = Parser(prog="gh", allow_abbrev=False)
    commands = options.add_subparsers(required=True, parser_class=Parser)
    authentication = commands.add_parser("auth").add_subparsers(required=True)
    authentication.add_parser("setup-git").set_defaults(run=set_up_git)
    requests = commands.add_parser("api", allow_abbrev=False)
    requests.add_argument("path")
    requests.add_argument("--method", default="GET")
    requests.add_argument("--silent", action="store_true")
    requests.add_argument("--raw-field", action="append", default=[])
    requests.add_argument("--field", action="append", default=[])
    requests.set_defaults(run=api)
    pulls = commands.add_parser("pr").add_subparsers(required=True)
    creation = pulls.add_parser("create", allow_abbrev=False)
    for name in ("--head", "--base", "--title", "--body-file"):
        creation.add_argument(name, required=True)
    creation.add_argument("--draft", action="store_true")
    creation.set_defaults(run=create)
    reading = pulls.add_parser("view", allow_abbrev=False)
    reading.add_argument("branch")
    reading.add_argument("--json")
    reading.add_argument("--jq")
    reading.set_defaults(run=view)
    marking = pulls.add_parser("ready", allow_abbrev=False)
    marking.add_argument("branch")
    marking.add_argument("--undo", action="store_true")
    marking.set_defaults(run=ready)
    closing = pulls.add_parser("close", allow_abbrev=False)
    closing.add_argument("branch")
    closing.add_argument("--comment")
    closing.set_defaults(run=close)
    return options


if __name__ == "__main__":
    if not os.environ.get("GH_TOKEN"):
        fail("gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN ...", code=4)
    options = parser().parse_args()
    state = json.loads(STATE.read_text())
    options.run(state, options)
    STATE.write_text(json.dumps(state))
