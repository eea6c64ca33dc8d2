"""How the progress of long work is shown."""

import io
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console

from evergreen.progress import Reporter


def test_progress_in_a_log_shows_the_remaining_time() -> None:
    printed = io.StringIO()
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(abs, -1), pool.submit(abs, -2)]

        results = Reporter(Console(file=printed)).follow("numbers", futures)

    assert results == [1, 2]
    assert printed.getvalue() == "numbers: 2 of 2, 0 s left\n"
