"""The command line of `poe new-resource`."""

import argparse

PROGRAM = "uv run poe new-resource"
DESCRIPTION = """\
Makes a resource in this service: model, schemas, service, routes, migration and tests, then runs
the tests. The files are yours from then on: no update of the template touches them.

    uv run poe new-resource note title:str text:text:optional
    uv run poe new-resource invoice number:str:1..20:unique amount:decimal:10,2 \\
        due:date:optional status:enum:draft,sent,paid:default=draft project:ref:project
    uv run poe new-resource line text:str:1..500 pieces:int:1..1000 --in invoice

A field is name:kind. The kinds are str and text (with limits, 1..200), int and float (0..100),
decimal:digits,places, bool, date, datetime, uuid, enum:one,two, json, email, url, and
ref:resource. After that, in any order: optional, unique, default=value. A field with a default is
left out of what creates a row.
"""


def resource_parser(every_task: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} NAME FIELD [FIELD ...] [options]",
        parents=[every_task],
        description=DESCRIPTION,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one row, such as invoice")
    parser.add_argument(
        "fields", nargs="*", default=[], metavar="FIELD", help="such as title:str:1..200"
    )
    parser.add_argument("--plural", metavar="NAME", help="if it is not the name and an s")
    parser.add_argument(
        "--shared", action="store_true", help="every user can use all rows: they have no owner"
    )
    parser.add_argument(
        "--in", dest="parent", metavar="NAME", help="a collection in each row of this resource"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the files; write nothing")
    parser.add_argument(
        "--no-tests-run", dest="tests", action="store_false", help="don't run the tests"
    )
    return parser
