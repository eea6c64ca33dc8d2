"""Reads the command line, runs its task, and handles signals."""

import argparse
import os
import sys

from updater.check import print_news
from updater.diff import print_drift
from updater.processes import Stopped, stop_at_signals
from updater.service import ANSWERS, SERVICE
from updater.update import update_service

DESCRIPTION = """\
The template of this service: what is new in it, what differs from it, and updates.

    uv run poe template-check     # is there a newer release, and what changed in it?
    uv run poe template-diff      # what differs from a fresh copy of the same release?
    uv run poe template-update    # the update, in a commit on a branch of its own

For an update, Copier makes two fresh copies, of the release that the service has and of the newer
one, and git merges what differs between them. So whatever you and the template have both changed
is a conflict, and never lost. This happens in a second working tree, in a temporary folder: an
update that is interrupted leaves the service as it was.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="template_tasks.py",
        description=DESCRIPTION,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="check | diff | update")
    tasks.add_parser("check", help="is there a newer release, and what changed in it?")
    tasks.add_parser("diff", help="what differs from a fresh copy of the same release?")
    update = tasks.add_parser("update", help="update the service, on a branch of its own")
    update.add_argument("--to", metavar="VERSION", help="this release, not the newest one")
    update.add_argument(
        "--data", metavar="NAME=VALUE", action="append", default=[], help="answer a question anew"
    )
    options = parser.parse_args()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)  # set by git for its hooks and aliases
    if not (SERVICE / ANSWERS).is_file():
        sys.exit(f"There is no {ANSWERS} in {SERVICE}: run this where the service has it.")
    stop_at_signals()
    try:
        if options.task == "check":
            print_news()
        elif options.task == "diff":
            print_drift()
        else:
            update_service(options.to, options.data)
        sys.stdout.flush()
    except Stopped as stopped:
        print("\nInterrupted: the service is as it was.", file=sys.stderr)
        sys.exit(stopped.code)
    except BrokenPipeError:  # as of `| head`, which has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
