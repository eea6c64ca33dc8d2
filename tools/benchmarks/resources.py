"""Measures `poe new-resource` ten times in one service, and the suite after each.

Usage: python -m tools.benchmarks.resources SERVICE-FOLDER
"""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from evergreen.releases import commit_all
from evergreen.scaffold import run_new_resource
from tools.benchmarks.suite import ENVIRONMENT

RESOURCES = [
    "project name:str:1..100:unique description:text:optional",
    "customer name:str:1..200 email:email:unique country:str:2..2 since:date:optional",
    "invoice number:str:1..20:unique amount:decimal:10,2 due:date:optional "
    "status:enum:draft,sent,paid note:text:optional paid:bool project:ref:project",
    "line text:str:1..500 pieces:int:1..1000 price:decimal:10,2 --in invoice",
    "label name:str:1..30:unique colour:enum:red,green,blue --shared",
    "visit start:datetime minutes:int:1..600 customer:ref:customer:optional",
    "document title:str:1..200 link:url:optional data:json:optional label:ref:label:optional",
    "room name:str:1..50:unique seats:int:1..500 --shared",
    "booking begins:datetime seats:int:1..500 done:bool:default=false --in room",
    "rating stars:int:1..5 share:float:0..1 text:text:..2000:optional by:ref:user:optional",
]
RUNS = 3
MAX_MILLISECONDS_A_TEST = 8
MAX_SECONDS_BESIDE_THE_SUITE = 10


def main() -> None:
    service = Path(sys.argv[1]).resolve()
    environment = {
        **{name: value for name, value in ENVIRONMENT.items() if name != "VIRTUAL_ENV"},
        "PATH": f"{service / '.venv/bin'}{os.pathsep}{ENVIRONMENT['PATH']}",
    }
    subprocess.run(["uv", "sync", "--quiet"], cwd=service, env=environment, check=True)
    commit_all(service)
    first = tests, seconds = measure_suite(service, environment)
    print(f"{'':10} {seconds:6.2f} s, {tests:5} tests", flush=True)
    besides = []
    for words in RESOURCES:
        name, *fields = words.split()
        started = time.perf_counter()
        made = run_new_resource(service, [name, *fields], environment)
        whole = time.perf_counter() - started
        if made.returncode != 0:
            sys.exit(f"new-resource {words}\n{made.stdout}{made.stderr}")
        commit_all(service)
        before, (tests, seconds) = tests, measure_suite(service, environment)
        besides.append(whole - seconds)
        milliseconds = 1000 * (seconds - first[1]) / (tests - first[0])
        print(
            f"{name:10} {seconds:6.2f} s, {tests:5} tests, {tests - before:3} new; "
            f"{milliseconds:4.1f} ms for a test of a resource, "
            f"{1000 * seconds / tests:4.1f} for any; made in {whole:4.1f} s, "
            f"{besides[-1]:4.1f} beside the suite",
            flush=True,
        )
    beside = statistics.median(besides)
    print(f"a test:           {milliseconds:.1f} ms (at most {MAX_MILLISECONDS_A_TEST})")
    print(f"beside the suite: {beside:.1f} s (at most {MAX_SECONDS_BESIDE_THE_SUITE})")
    sys.exit(milliseconds > MAX_MILLISECONDS_A_TEST or beside > MAX_SECONDS_BESIDE_THE_SUITE)


def measure_suite(service: Path, environment: dict[str, str]) -> tuple[int, float]:
    """Returns the number of tests, and the median of the seconds of whole processes."""
    durations = []
    for _ in range(RUNS):
        started = time.perf_counter()
        suite = subprocess.run(
            ["pytest", "-q"], cwd=service, env=environment, capture_output=True, text=True
        )
        durations.append(time.perf_counter() - started)
        if suite.returncode != 0:
            sys.exit(f"pytest -q\n{suite.stdout}{suite.stderr}")
    found = re.search(r"(\d+) passed", suite.stdout)
    assert found, suite.stdout
    return int(found[1]), statistics.median(durations)


if __name__ == "__main__":
    main()
