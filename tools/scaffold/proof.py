"""Puts ten resources after another into services, checks all of it, and plants mistakes."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import copier

from evergreen.forked_suites import forked_suites
from evergreen.growth import DATABASES, environment_of
from evergreen.postgresql_server import open_folder
from evergreen.progress import Reporter
from evergreen.releases import commit_all
from evergreen.scaffold import OWNERSHIPS, PARENTS, field_texts
from tools.growth.proof import WAYS, Outcome, Workplace, install, shown

NAMES = ["note", "invoice", "parcel", "order_line", "city"]
"""Of the resources that have the fields of the proof, one for each ownership."""
WAYS_IN_CI: tuple[str, ...] = ("pytest --live",)
WAYS_IN_A_THOROUGH_PROOF: tuple[str, ...] = ("pytest --live", "poe fuzz")
SMALL = [
    ["tag", "name:str:1..30:unique", "--shared"],
    ["visit", "day:date", "done:bool:default=false"],
    ["memo", "text:text:optional", "folder:ref:folder"],
]
MAX_OUTPUT = 4_000


@dataclass(frozen=True)
class Defect:
    """A mistake in a slice: the first match is replaced."""

    name: str
    file: str
    old: str
    new: str


DEFECTS = [
    Defect(
        "a row is read without its owner",
        "service",
        r", (\w+)\.owner_id == bindparam\(\"owner_id\"\)",
        "",
    ),
    Defect(
        "a row is changed without its owner",
        "service",
        r"(?s)(update\(.*?), \w+\.owner_id == owner\.id",
        r"\1",
    ),
    Defect(
        "a row is deleted without its owner",
        "service",
        r"(?s)(delete\((?:(?!async def).)*?), \w+\.owner_id == owner\.id",
        r"\1",
    ),
    Defect(
        "a list has the rows of all", "service", r'"owner_id": owner\.id, ?(?=\*\*|"\w+": \w+,)', ""
    ),
    Defect("a list is not filtered", "service", r"(?s)include=\{.*?\}", "include=set()"),
    Defect("a list ignores its page", "service", r"\s+\.offset\(query\.offset\)", ""),
    Defect("a list is not in order", "service", r"\s+\.order_by\(\*ORDERS\[query\.sort\]\)", ""),
    Defect(
        "a new row is not committed",
        "service",
        r"(?s)(session\.add\(.*?)await session\.commit\(\)",
        r"\1await session.flush()",
    ),
    Defect(
        "a change is not committed",
        "service",
        r"(?s)(\.returning\(.*?)await session\.commit\(\)",
        r"\1await session.flush()",
    ),
    Defect(
        "a deletion is not committed",
        "service",
        r"(?s)(deleted_id = .*?)await session\.commit\(\)",
        r"\1await session.flush()",
    ),
    Defect("a conflict is a 500", "service", r"except IntegrityError:", "except KeyError:"),
    Defect("a reference is not checked", "service", r"if found_id is None:", "if False:"),
    Defect("a row that is gone is no error", "service", r"if deleted_id is None:", "if False:"),
    Defect("a new row is a 200", "routes", "status_code=201", "status_code=200"),
    Defect("a deletion is a 200", "routes", "status_code=204", "status_code=200"),
    Defect(
        "a new row has no address",
        "routes",
        r'response\.headers\["Location"\]',
        'response.headers["Place"]',
    ),
    Defect("a text may be longer", "schemas", r"max_length=(\d+)", r"max_length=1\1"),
    Defect("a number may be higher", "schemas", r"le=(\d+)", r"le=1\1"),
]


@dataclass(frozen=True)
class Batch:
    """Ten resources in one service."""

    database: str
    example: bool
    resources: tuple[tuple[str, ...], ...]
    with_all_defects: bool
    ways: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.database}, example={str(self.example).lower()}"


@dataclass
class Proof:
    outcomes: list[Outcome] = field(default_factory=list)
    fields: int = 0
    resources: int = 0
    mistakes: int = 0
    seconds: float = 0

    @property
    def passed(self) -> bool:
        return not any(outcome.problem for outcome in self.outcomes)


def batches(databases: list[str], thorough: bool) -> Iterator[Batch]:
    """Every field and every ownership on each database; in a thorough proof, every field with every
    ownership on each database, with and without the example.
    """
    for index, database in enumerate(databases):
        for turn in range(len(OWNERSHIPS)) if thorough else [index]:
            for example in (True, False) if thorough else [database == DATABASES[0]]:
                ways = WAYS_IN_A_THOROUGH_PROOF if turn == 0 and thorough else ()
                if not thorough and database == DATABASES[0]:
                    ways = WAYS_IN_CI
                resources = tuple(map(tuple, resources_of(turn)))
                yield Batch(database, example, resources, thorough and turn == 0, ways)


def resources_of(turn: int) -> list[list[str]]:
    texts: dict[str, list[str]] = {ownership: [] for ownership in OWNERSHIPS}
    ownerships = list(OWNERSHIPS)
    for number, text in enumerate(field_texts()):
        ownership = ownerships[(number + turn) % len(ownerships)]
        if "folder" in text and "--shared" in OWNERSHIPS[ownership]:
            ownership = ownerships[0]  # what every user can use can't name what has an owner
        texts[ownership].append(text)
    made = [
        [name, *texts[ownership], *OWNERSHIPS[ownership]]
        for name, ownership in zip(NAMES, ownerships, strict=True)
    ]
    return [*PARENTS, *made, *SMALL]


@contextmanager
def workplace(template: Path, batch: Batch, installations: Path) -> Iterator[Workplace]:
    with open_folder() as folder, ExitStack() as stack:
        base = folder / "base"
        answers = {"database": batch.database, "example": batch.example, "coverage_threshold": 100}
        copier.run_copy(str(template), base, data=answers, defaults=True, quiet=True)
        programs = install(base, [], installations / f"scaffold {batch.database}")
        suites = stack.enter_context(forked_suites(programs, environment_of(programs)))
        yield Workplace(base, programs, folder / "places", suites)


def prove(
    template: Path,
    databases: list[str],
    installations: Path,
    reporter: Reporter,
    thorough: bool = False,
) -> Proof:
    started = time.perf_counter()
    proof = Proof()
    planned = list(batches(databases, thorough))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = [
            pool.submit(prove_batch, proof, template, batch, installations) for batch in planned
        ]
        reporter.follow("services with ten resources", futures)
    proof.seconds = time.perf_counter() - started
    return proof


def prove_batch(proof: Proof, template: Path, batch: Batch, installations: Path) -> None:
    with workplace(template, batch, installations) as place:
        service = place.copy_of(place.base)
        add_to_gitignore(service)
        commit_all(service)
        for words in batch.resources:
            outcome = timed(f"{batch}: {words[0]}", partial(make, place, service, template, words))
            proof.outcomes.append(outcome)
            if outcome.problem:
                return
            proof.resources += 1
            proof.fields += sum(":" in word for word in words)
        proof.outcomes.append(timed(f"{batch}: poe check", partial(check, place, service)))
        if proof.outcomes[-1].problem:
            return
        for way in batch.ways:
            proof.outcomes.append(timed(f"{batch}: {way}", partial(run_way, place, service, way)))
        plant_defects(proof, place, service, batch)


def timed(name: str, run: Callable[[], str]) -> Outcome:
    started = time.perf_counter()
    problem = run()
    return Outcome(name, problem, time.perf_counter() - started)


def add_to_gitignore(service: Path) -> None:
    """The data of PostgreSQL are a link here, which the pattern of a folder does not match."""
    with (service / ".gitignore").open("a") as file:
        file.write(".postgresql*\n")


def make(place: Workplace, service: Path, template: Path, words: tuple[str, ...]) -> str:
    result = subprocess.run(
        [sys.executable, str(template / "updater"), "new-resource", *words, "--no-tests-run"],
        cwd=service,
        # What is installed is used as it is.
        env=environment_of(place.programs) | {"UV_NO_SYNC": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    commit_all(service)
    return problem_of(result.returncode, f"new-resource {' '.join(words)}", result.stdout)


def check(place: Workplace, service: Path) -> str:
    """Style, strict types, and all tests, with warnings as errors and a coverage of 100 %."""
    result = place.run_command(service, "poe", "check")
    return problem_of(result.code, "poe check", result.output)


def run_way(place: Workplace, service: Path, way: str) -> str:
    result = WAYS[way](place, service)
    return problem_of(result.code, way, result.output)


def problem_of(code: int, what: str, output: str = "") -> str:
    return f"`{what}` ended with {code}.\n{output[-MAX_OUTPUT:]}" if code != 0 else ""


# ── Mistakes ─────────────────────────────────────────────────────────────────


def plant_defects(proof: Proof, place: Workplace, service: Path, batch: Batch) -> None:
    """Each mistake in one slice that it fits, by turns; in each of them if the batch says so."""
    slices = sorted(path.parent.name for path in service.glob("app/*/service.py"))
    slices = [name for name in slices if name not in ("auth", "tasks")]
    for number, defect in enumerate(DEFECTS):
        if not batch.with_all_defects and batch.database != DATABASES[number % len(DATABASES)]:
            continue
        fitting = [name for name in slices if re.search(defect.old, text_of(service, name, defect))]
        if not fitting:
            proof.outcomes.append(Outcome(f"{batch}: {defect.name}", "It fits no slice.\n", 0))
        for name in fitting if batch.with_all_defects else fitting[number % len(fitting) :][:1]:
            proof.outcomes.append(
                timed(
                    f"{batch}: {name}: {defect.name}",
                    partial(green_with, place, service, name, defect),
                )
            )
            proof.mistakes += 1


def text_of(service: Path, name: str, defect: Defect) -> str:
    return (service / f"app/{name}/{defect.file}.py").read_text()


def green_with(place: Workplace, service: Path, name: str, defect: Defect) -> str:
    """Returns what is wrong if the tests do not notice the mistake."""
    copy = place.copy_of(service)
    file = copy / f"app/{name}/{defect.file}.py"
    file.write_text(re.sub(defect.old, defect.new, file.read_text(), count=1))
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
    tests = [f"tests/test_{name}.py", f"tests/services/test_{name}_service.py"]
    result = place.run_suite(copy, "-x", *tests)
    if result.code == 0:
        result = place.run_suite(copy, "-x", "tests/test_routes.py")
    if result.code == 1:
        return ""
    return f"The tests of {name} ended with {result.code}.\n{shown(result)}"
