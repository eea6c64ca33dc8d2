"""Asks for a resource at a terminal, where the command line does not have it."""

import sys
from argparse import Namespace
from collections.abc import Callable

from new_resource.fields import KINDS, FieldError, read_field
from new_resource.resource import read_names


def ask_for_fields(options: Namespace) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise FieldError(
            "Write a name and at least one field, as in `uv run poe new-resource note title:str`; "
            "--help has more."
        )
    try:
        while options.name is None:
            name = input("What is one row called? (such as invoice) ").strip()
            if not says_what_is_wrong(read_names, name, options.plural):
                options.name = name
        read_names(options.name, options.plural)
        print("Its fields, one a line, such as title:str or due:date:optional. An empty line ends.")
        print(f"The kinds are {', '.join(KINDS)}.")
        while text := input(f"{options.name} has ").strip():
            if not says_what_is_wrong(read_field, text):
                options.fields.append(text)
    except EOFError:
        raise FieldError("Nothing is written.") from None


def says_what_is_wrong(read: Callable[..., object], *arguments: str) -> bool:
    try:
        read(*arguments)
    except FieldError as error:
        print(error)
        return True
    return False
