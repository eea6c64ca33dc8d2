"""Mutates slices of `poe new-resource`: do the tests that a team has afterwards notice?

First the two files of tests that come with a slice are run on each of its mutants; then, on those
that survive, the checks that each service has of all its slices, such as that the models and the
migrations agree. No mutant is left out as equivalent.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evergreen.growth import environment_of
from evergreen.postgresql_server import open_folder
from evergreen.releases import commit_all
from evergreen.scaffold import run_new_resource
from evergreen.services import install_service
from tools.growth.proof import CHECKS_OF_A_SERVICE
from tools.mutants.__main__ import plant
from tools.mutants.runner import Planted, RunError, survivors_of
from tools.scaffold.proof import tests_of

BAR = 0.95
SLICES = {
    "products": "product code:str:3..12:unique stock:int:0..1000 weight:float:0..500 details:json:optional"
    " page:url --shared",
    "invoices": "invoice number:str:1..20:unique amount:decimal:10,2 due:date:optional"
    " status:enum:draft,sent,paid note:text:optional paid:bool customer:ref:user",
    "lines": "line product:ref:product quantity:int:1..99:default=1 text:str:1..200 --in invoice",
    "reviews": "review text:text:10..2000 author:email seen:datetime:optional --in product",
    "prices": "price amount:decimal:8,3 token:uuid --shared --in product",
}
"""The command line of each, by the name of its package: every kind of field and every ownership."""


@dataclass(frozen=True)
class Mutated:
    """A slice on one database."""

    plural: str
    database: str
    mutants: int
    past_its_tests: list[Planted]
    """Those that the tests of the slice do not notice."""
    survivors: list[Planted]
    """Those of them that the checks of the service do not notice either."""
    seconds: float

    @property
    def passed(self) -> bool:
        return self.killed(self.survivors) >= BAR

    def killed(self, survivors: Sequence[Planted]) -> float:
        return 1 - len(survivors) / self.mutants

    def __str__(self) -> str:
        return (
            f"{self.plural} on {self.database}: {self.mutants} mutants. Its tests kill "
            f"{self.mutants - len(self.past_its_tests)} ({self.killed(self.past_its_tests):.1%}), "
            f"with the checks of the service {self.mutants - len(self.survivors)} "
            f"({self.killed(self.survivors):.1%}, at least {BAR:.0%}), in {self.seconds:.0f} s."
        )


def prove_mutants(template: Path, databases: Iterable[str], plurals: Iterable[str]) -> bool:
    """Prints the survivors; returns whether enough mutants of each slice are killed."""
    mutated = []
    try:
        for database in databases:
            with service_with_slices(template, database) as service:
                for plural in plurals:
                    mutated.append(mutate_slice(service, database, plural))
                    show(mutated[-1])
    except RunError as error:
        print(error)
        return False
    print(*mutated, sep="\n", flush=True)
    return all(one.passed for one in mutated)


@contextmanager
def service_with_slices(template: Path, database: str) -> Iterator[Path]:
    with open_folder() as folder:
        service = install_service(template, folder / "service", database=database, example=False)
        commit_all(service)
        for command in SLICES.values():
            make_slice(service, template, command)
        yield service


def make_slice(service: Path, template: Path, command: str) -> None:
    """Raises `RunError` with what was printed if it fails."""
    print(f"poe new-resource {command}", flush=True)
    words = [*command.split(), "--no-tests-run"]
    made = run_new_resource(service, words, environment_of(service / ".venv/bin"), template)
    if made.returncode != 0:
        raise RunError(made.stdout + made.stderr)
    commit_all(service)


def mutate_slice(service: Path, database: str, plural: str) -> Mutated:
    folder = service / "app" / plural
    files = [str(file.relative_to(service)) for file in sorted(folder.rglob("*.py"))]
    planted = plant(service, files)
    started = time.perf_counter()
    print(f"{plural} on {database}: its tests", flush=True)
    past_its_tests = asyncio.run(survivors_of(service, planted, tests_of(plural)))
    print(f"{plural} on {database}: the checks of the service", flush=True)
    survivors = asyncio.run(survivors_of(service, past_its_tests, CHECKS_OF_A_SERVICE))
    seconds = time.perf_counter() - started
    return Mutated(plural, database, len(planted), past_its_tests, survivors, seconds)


def show(one: Mutated) -> None:
    noticed = [mutant for mutant in one.past_its_tests if mutant not in one.survivors]
    if noticed:
        print("Noticed only by the checks of the service:", *noticed, "", sep="\n")
    if one.survivors:
        print("Survived:", *one.survivors, "", sep="\n")
    print(one, "", sep="\n", flush=True)
