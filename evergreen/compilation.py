"""Makes Jinja compile the sources of a template once per process, not once per service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

import jinja2

Compiled = dict[tuple[Any, ...], Any]


@contextmanager
def compiled_once(compiled: Compiled) -> Iterator[None]:
    """Copier creates an equal environment for each service; compiling takes half of a render."""
    compile_source = jinja2.Environment.compile
    jinja2.Environment.compile = partialmethod(  # type: ignore[assignment]
        compile_unless_cached, compile_source, compiled
    )
    try:
        yield
    finally:
        jinja2.Environment.compile = compile_source  # type: ignore[method-assign]


def compile_unless_cached(
    environment: jinja2.Environment,
    compile_source: Callable[..., Any],
    compiled: Compiled,
    *arguments: Any,
) -> Any:
    if arguments not in compiled:
        compiled[arguments] = compile_source(environment, *arguments)
    return compiled[arguments]
