"""Puts ten resources after another into services, checks all of it, and plants mistakes."""

import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import copier

from evergreen.forked_suites import Result, forked_suites
from evergreen.growth import DATABASES, environment_of
from evergreen.postgresql_server import open_folder
from evergreen.progress import Reporter
from evergreen.questions import Answers
from evergreen.releases import commit_all
from evergreen.scaffold import (
    OWNERSHIPS,
    PARENTS,
    all_fields,
    covering_fields,
    run_new_resource,
    text_of,
)
from tools.growth.proof import Outcome, Workplace, fuzz, install, shown
from tools.scaffold import races

NAMES = ["note", "invoice", "parcel", "order_line", "city"]
"""Of the resources that have the fields of the proof, one for each ownership."""
LIVE, SOME_FUZZ, FUZZ = "pytest --live", "poe fuzz, of two resources", "poe fuzz"
WAYS_IN_CI = {"sqlite": (LIVE,), "postgresql": (SOME_FUZZ,)}
WAYS_IN_A_THOROUGH_PROOF = (LIVE, FUZZ)
SMALL = [
    ["location", "name:str:1..30:unique", "--shared"],
    # Names that a module might use for something else.
    [
        "page",
        *("type:enum:a,b", "format:enum:on,off:default=on", "filters:bool", "path:bool:optional"),
        *("hash:int", "max:float", "range:date", "name:str", "values:json", "session:uuid"),
        *("user:text", "value:decimal:5,2", "new:str:unique", "state:datetime"),
        "parcel:ref:parcel",  # which is in a folder
    ],
    ["statement", "text:text:optional", "folder:ref:folder"],
]
PARTS = 5
"""Services of a thorough proof on each database: with fewer, the classes have too many fields."""
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


def batches(databases: list[str], thorough: bool) -> list[Batch]:
    """A service on each database with fields of a covering array; in a thorough proof, several
    services on each, with and without the example, that have every field with every ownership.
    """
    if not thorough:
        rows = covering_fields(list(DATABASES))
        return [
            Batch(
                database,
                example=database == DATABASES[0],
                resources=resources_of([row for row in rows if row["database"] == database]),
                with_all_defects=False,
                ways=WAYS_IN_CI[database],
            )
            for database in databases
        ]
    rows = all_fields(databases)
    planned = []
    for database, example, part in itertools.product(databases, (True, False), range(PARTS)):
        of_database = [row for row in rows if row["database"] == database]
        resources = resources_of(of_database, slice(part, None, PARTS))
        ways = WAYS_IN_A_THOROUGH_PROOF if part == 0 else ()
        planned.append(Batch(database, example, resources, part == 0, ways))
    return planned


def resources_of(rows: list[Answers], part: slice = slice(None)) -> tuple[tuple[str, ...], ...]:
    """Ten: those that others name, one of each ownership with these fields, and small ones."""
    made = []
    for name, (ownership, options) in zip(NAMES, OWNERSHIPS.items(), strict=True):
        of_ownership = [row for row in rows if row["ownership"] == ownership]
        fields = [text_of(row["form"], row["option"]) for row in of_ownership[part]]
        made.append([name, *fields, *options])
    return tuple(map(tuple, [*PARENTS, *made, *SMALL]))


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
    planned = batches(databases, thorough)
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
        proof.outcomes.append(
            timed(f"{batch}: pytest, with deletions meanwhile", partial(race, place, service))
        )
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
    installed = environment_of(place.programs) | {"UV_NO_SYNC": "1"}
    made = run_new_resource(service, [*words, "--no-tests-run"], installed, template)
    commit_all(service)
    what = f"new-resource {' '.join(words)}"
    return problem_of(made.returncode, what, made.stdout + made.stderr)


def check(place: Workplace, service: Path) -> str:
    """Style, strict types, and all tests, with warnings as errors and a coverage of 100 %."""
    result = place.run_command(service, "poe", "check")
    return problem_of(result.code, "poe check", result.output)


def race(place: Workplace, service: Path) -> str:
    copy = place.copy_of(service)
    (copy / races.PATH).write_text(races.TEST)
    result = place.run_suite(copy, races.PATH)
    return "" if result.code == 0 else f"It ended with {result.code}.\n{shown(result)}"


def run_way(place: Workplace, service: Path, way: str) -> str:
    result = WAYS[way](place, service)
    return problem_of(result.code, way, result.output)


def live(place: Workplace, service: Path) -> Result:
    """Runs the tests of the slices: the others of a service are run so elsewhere."""
    slices = [file for name in slices_of(service) for file in tests_of(name)]
    return place.run_suite(service, "--live", *slices)


def fuzz_two(place: Workplace, service: Path) -> Result:
    return place.run_command(service, "poe", "fuzz", "-k", "notes or parcels", FUZZ_CASES="15")


WAYS = {LIVE: live, SOME_FUZZ: fuzz_two, FUZZ: fuzz}


def problem_of(code: int, what: str, output: str = "") -> str:
    return f"`{what}` ended with {code}.\n{output[-MAX_OUTPUT:]}" if code != 0 else ""


# ── Mistakes ─────────────────────────────────────────────────────────────────


def plant_defects(proof: Proof, place: Workplace, service: Path, batch: Batch) -> None:
    """Each mistake in one slice that it fits, by turns; in each of them if the batch says so."""
    slices = slices_of(service)
    for number, defect in enumerate(DEFECTS):
        if not batch.with_all_defects and batch.database != DATABASES[number % len(DATABASES)]:
            continue
        fitting = [
            name for name in slices if re.search(defect.old, text_of_file(service, name, defect))
        ]
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


def slices_of(service: Path) -> list[str]:
    names = sorted(path.parent.name for path in service.glob("app/*/service.py"))
    return [name for name in names if name not in ("auth", "tasks")]


def tests_of(name: str) -> list[str]:
    return [f"tests/test_{name}.py", f"tests/services/test_{name}_service.py"]


def text_of_file(service: Path, name: str, defect: Defect) -> str:
    return (service / f"app/{name}/{defect.file}.py").read_text()


def green_with(place: Workplace, service: Path, name: str, defect: Defect) -> str:
    """Returns what is wrong if the tests do not notice the mistake."""
    copy = place.copy_of(service)
    file = copy / f"app/{name}/{defect.file}.py"
    file.write_text(re.sub(defect.old, defect.new, file.read_text(), count=1))
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
    result = place.run_suite(copy, "-x", *tests_of(name))
    if result.code == 0:
        result = place.run_suite(copy, "-x", "tests/test_routes.py")
    if result.code == 1:
        return ""
    return f"The tests of {name} ended with {result.code}.\n{shown(result)}"
