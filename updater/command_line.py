"""Reads the command line, runs its task, and handles signals."""

import argparse
import os
import sys
from pathlib import Path

from new_resource.command import create_resource
from new_resource.command_line import resource_parser
from updater.check import print_news
from updater.diff import print_drift
from updater.processes import Stopped, stop_at_signals
from updater.service import ANSWERS, Service
from updater.update import update_service

DESCRIPTION = """\
The template of this service: what is new in it, what differs from it, and updates.

    uv run poe template-check     # is there a newer release, and what changed in it?
    uv run poe template-diff      # what differs from a fresh copy of the same release?
    uv run poe template-update    # the update, in a commit on a branch of its own

For an update, Copier makes two fresh copies, of the release that the service has and of the newer
one, and git merges what differs between them. So whatever you and the template have both changed
is a conflict, and never lost. This happens in a second working tree, in a temporary folder: an
update that is interrupted leaves the service as it was. Each task has a --help of its own.
"""


def main() -> None:
    options = read_options(sys.argv[1:])
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)  # set by git for its hooks and aliases
    service = Service(Path.cwd(), options.answers_file)
    if not (service.folder / service.answers_file).is_file():
        sys.exit(
            f"There is no {service.answers_file} in {service.folder}: run this where the service "
            "has it; --answers-file names one with another name."
        )
    stop_at_signals()
    try:
        if options.task == "check":
            print_news(service)
        elif options.task == "diff":
            print_drift(service, options.base)
        elif options.task == "update":
            update_service(service, options)
        else:
            create_resource(service, options)
        sys.stdout.flush()
    except Stopped as stopped:
        print("\nInterrupted: the service is as it was.", file=sys.stderr)
        sys.exit(stopped.code)
    except BrokenPipeError:  # as of `| head`, which has read enough
        sys.exit(1)


def read_options(arguments: list[str]) -> argparse.Namespace:
    every_task = options_of_every_task()
    if arguments[:1] == ["new-resource"]:
        # Its fields can come after options, which a subparser does not take.
        options = resource_parser(every_task).parse_intermixed_args(arguments[1:])
        options.task = "new-resource"
        return options
    return parser(every_task).parse_args(arguments)


def options_of_every_task() -> argparse.ArgumentParser:
    every_task = argparse.ArgumentParser(add_help=False)
    every_task.add_argument(
        *("--answers-file", "-a"), metavar="FILE", default=ANSWERS, help=f"if it is not {ANSWERS}"
    )
    every_task.add_argument(
        "--template", metavar="ADDRESS", help="where the template is now; an update records it"
    )
    return every_task


def parser(every_task: argparse.ArgumentParser) -> argparse.ArgumentParser:
    from_a_release = argparse.ArgumentParser(add_help=False)
    from_a_release.add_argument(
        *("--from",),
        dest="base",
        metavar="VERSION",
        help="as if the service were made from this release, branch or commit",
    )
    whole = argparse.ArgumentParser(
        prog="template_tasks.py",
        description=DESCRIPTION,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    tasks = whole.add_subparsers(dest="task", required=True, metavar="check | diff | update")
    tasks.add_parser(
        "check", parents=[every_task], help="is there a newer release, and what changed in it?"
    )
    tasks.add_parser(
        "diff",
        parents=[every_task, from_a_release],
        help="what differs from a fresh copy of the same release?",
    )
    update = tasks.add_parser(
        "update",
        parents=[every_task, from_a_release],
        help="update the service, on a branch of its own",
    )
    update.add_argument(
        "--to", metavar="VERSION", help="this release, candidate, branch or commit, not the newest"
    )
    update.add_argument(
        "--data", metavar="NAME=VALUE", action="append", default=[], help="answer a question anew"
    )
    update.add_argument(
        "--no-tests", dest="tests", action="store_false", help="don't run the tests of the service"
    )
    update.add_argument(
        "--pull-request",
        metavar="FOLDER",
        type=Path,
        help="commit conflicts with their markers; write title, text and branch into this folder",
    )
    return whole
