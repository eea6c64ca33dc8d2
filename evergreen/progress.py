"""Progress of long work: a bar with the time that is left, or a line now and then in a log."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")
SECONDS_BETWEEN_LINES = 10


class Reporter:
    """Says on a console how far each part of the work is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            TextColumn("{task.description:32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self.progress:
            yield

    def follow(self, what: str, futures: Sequence[Future[Result]]) -> list[Result]:
        """Waits for all of them; returns their results in their order.

        Raises what the first that failed has raised, and starts no other after that.
        """
        task = self.progress.add_task(what, total=len(futures))
        started = said = time.monotonic()
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                self.progress.advance(task)
                now = time.monotonic()
                if not self.console.is_terminal and (
                    now - said > SECONDS_BETWEEN_LINES or done == len(futures)
                ):
                    said = now
                    left = (now - started) / done * (len(futures) - done)
                    self.console.print(f"{what}: {done} of {len(futures)}, {left:.0f} s left")
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return [future.result() for future in futures]
