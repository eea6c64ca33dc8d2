"""Renders and checks every combination of answers, and runs each distinct service once."""

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evergreen.branches import Branch, all_branches, branches_never_taken
from evergreen.findings import Finding
from evergreen.hostile_answers import REFUSED, hostile_combinations
from evergreen.progress import Reporter
from evergreen.questions import Answers, all_combinations, label, offered_values
from evergreen.rendering import Service, differences, render
from evergreen.static_checks import TREE_CHECKS, check_file
from evergreen.suites import Environment, Run, digest_of_tree, environments, run_suites
from evergreen.workflows import Job, run_workflow, runnable_jobs

WORKFLOW = ".github/workflows/ci.yml"
FEWER_REQUESTS = "20"
"""For one operation: what fuzzing finds in a template, it mostly finds early."""


@dataclass
class Proof:
    """Everything found out about a template."""

    questions: dict[str, list[object]]
    services: list[Service] = field(default_factory=list)
    hostile: list[Service] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    never_taken: list[Branch] = field(default_factory=list)
    trees: dict[str, list[Service]] = field(default_factory=dict)
    """The services by the digest of their tree; only the first with a given tree is run."""
    environments: list[Environment] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    workflows: dict[str, list[Job]] = field(default_factory=dict)
    seconds: float = 0

    @property
    def all_services(self) -> list[Service]:
        return [*self.services, *self.hostile]

    @property
    def passed(self) -> bool:
        return (
            not any(service.findings for service in self.all_services)
            and not self.refused
            and not self.never_taken
            and all(run.passed for run in self.runs)
            and all(job.passed for jobs in self.workflows.values() for job in jobs)
        )


def prove(
    template: Path,
    reporter: Reporter,
    only: Answers | None = None,
    installations: Path | None = None,
    *,
    thorough: bool = False,
) -> Proof:
    """Proves a template, or only those of its combinations that have the answers `only`.

    Without a folder for installations, services are rendered and read, but not run. Unless the proof
    is `thorough`, it sends fewer generated requests, and measures the coverage and checks the types
    of each service once: with the newest dependencies, by its workflow if that runs here.
    """
    started = time.perf_counter()
    proof = Proof(offered_values(template))
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        render_all(proof, template, pool, reporter, only or {})
        check_files(proof.all_services, pool, reporter)
    if not only:
        seen = {outcome for service in proof.all_services for outcome in service.seen}
        proof.branches = all_branches(template)
        proof.never_taken = branches_never_taken(proof.branches, seen)
    for service in proof.all_services:
        service.tree = digest_of_tree(service.files)
    for service in proof.services:
        proof.trees.setdefault(service.tree, []).append(service)
    if installations is not None:
        run_distinct_trees(proof, reporter, installations, thorough)
    proof.seconds = time.perf_counter() - started
    return proof


def render_all(
    proof: Proof,
    template: Path,
    pool: ProcessPoolExecutor,
    reporter: Reporter,
    only: Answers,
) -> None:
    checks = list(TREE_CHECKS.values())
    chosen = [answers for answers in all_combinations(template) if only.items() <= answers.items()]
    first = [pool.submit(render, template, answers, checks) for answers in chosen]
    # In reverse order, so that a service that depends on those rendered before it differs.
    second = [pool.submit(render, template, answers, []) for answers in reversed(chosen)]
    proof.services = reporter.follow("combinations rendered", first)
    rendered_again = reversed(reporter.follow("rendered a second time", second))
    for service, again in zip(proof.services, rendered_again, strict=True):
        service.findings += [
            Finding("rendered", path, "differs from one rendering to the next")
            for path in differences(service.files, again.files)
        ]
    if not only:
        hostile = hostile_combinations(template)
        proof.hostile = reporter.follow(
            "hostile answers rendered",
            [pool.submit(render, template, answers, checks) for answers in hostile],
        )
        check_refusals(proof, template, pool, reporter)


def check_refusals(
    proof: Proof, template: Path, pool: ProcessPoolExecutor, reporter: Reporter
) -> None:
    services = reporter.follow(
        "bad answers refused",
        [pool.submit(render, template, {name: value}, []) for name, value, _ in REFUSED],
    )
    for service, (name, value, sentence) in zip(services, REFUSED, strict=True):
        proof.hostile[0].seen |= service.seen
        errors = "".join(str(finding) for finding in service.findings)
        if sentence not in errors:
            outcome = f"fails with: {errors}" if errors else "is accepted"
            message = f"{name}={value!r} is not refused with {sentence!r}, but {outcome}"
            proof.refused.append(Finding("refused", "copier.yml", message))


def check_files(services: list[Service], pool: ProcessPoolExecutor, reporter: Reporter) -> None:
    """Checks every distinct file once, however many services share it."""
    distinct = sorted({file for service in services for file in service.files.items()})
    futures = [pool.submit(check_file, path, content) for path, content in distinct]
    found = dict(zip(distinct, reporter.follow("files checked", futures), strict=True))
    for service in services:
        for file in service.files.items():
            service.findings += found[file]


def run_distinct_trees(
    proof: Proof, reporter: Reporter, installations: Path, thorough: bool
) -> None:
    """Runs each distinct suite, one suite with hostile answers, and each distinct workflow."""
    proof.environments = environments([str(python) for python in proof.questions["python_min"]])
    pythons = [
        environment.python
        for environment in proof.environments
        if environment.resolution == "highest"
    ]
    hostile = [service for service in proof.hostile if service.answers["python_min"] == pythons[0]]
    with_workflow = first_of_each(
        [service for service in proof.services if WORKFLOW in service.files],
        lambda service: runnable_jobs(service.files[WORKFLOW]),
    )
    checked = set() if thorough else {service.tree for service in with_workflow}
    by_project: dict[bytes, dict[str, dict[str, bytes]]] = {}
    for tree, services in proof.trees.items():
        files = services[0].files
        by_project.setdefault(files["pyproject.toml"], {})[tree] = files
    of_hostile = {service.tree: service.files for service in hostile[:1]}
    requests = {} if thorough else {"FUZZ_CASES": FEWER_REQUESTS}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        workflows = [
            pool.submit(run_workflow, service.files, WORKFLOW, pythons, requests)
            for service in with_workflow
        ]
        runs = []
        for number, trees in enumerate([*by_project.values(), of_hostile]):
            for environment in proof.environments:
                is_newest = environment.resolution == "highest"
                if thorough or is_newest or trees is not of_hostile:
                    in_full = set(trees) - checked if thorough or is_newest else set()
                    folder = installations / f"{number} {environment}"
                    runs.append(pool.submit(run_suites, trees, environment, folder, in_full))
        futures: list[Future[Any]] = [*workflows, *runs]
        reporter.follow("suites and workflows run", futures)
    proof.runs = [run for future in runs for run in future.result()]
    proof.workflows = {
        name: future.result()
        for name, future in zip(distinguishing_answers(with_workflow), workflows, strict=True)
    }


def distinguishing_answers(services: list[Service]) -> list[str]:
    """Labels each service with the answers that are not the same in all of them."""
    return [
        label(
            {
                name: value
                for name, value in service.answers.items()
                if len({other.answers[name] for other in services}) > 1
            }
        )
        or service.label
        for service in services
    ]


def first_of_each(services: list[Service], key: Callable[[Service], object]) -> list[Service]:
    """Returns the first service for each key."""
    found: dict[object, Service] = {}
    for service in services:
        found.setdefault(key(service), service)
    return list(found.values())
