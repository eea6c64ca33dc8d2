"""Renders all combinations of the answers, checks them, and runs what differs from the rest."""

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
from evergreen.workflows import Job, run_workflow, what_is_run

WORKFLOW = ".github/workflows/ci.yml"


@dataclass
class Proof:
    """All that was found out about a template."""

    questions: dict[str, list[object]]
    services: list[Service] = field(default_factory=list)
    hostile: list[Service] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    never_taken: list[Branch] = field(default_factory=list)
    trees: dict[str, list[Service]] = field(default_factory=dict)
    """Of each distinct tree, by its digest, the services that have it: the first one is run."""
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
) -> Proof:
    """Proves a template; of its combinations `only` those with these answers.

    Without a folder for what is installed, nothing is run: services are rendered and read only.
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
        run_distinct_trees(proof, reporter, installations)
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
    once = [pool.submit(render, template, answers, checks) for answers in chosen]
    again = [pool.submit(render, template, answers, []) for answers in reversed(chosen)]
    proof.services = reporter.follow("combinations rendered", once)
    for service, second in zip(
        proof.services, reversed(reporter.follow("rendered a second time", again)), strict=True
    ):
        service.findings += [
            Finding("rendered", path, "differs from one rendering to the next")
            for path in differences(service.files, second.files)
        ]
    if not only:
        hostile = hostile_combinations(template)
        proof.hostile = reporter.follow(
            "hostile answers rendered",
            [pool.submit(render, template, answers, checks) for answers in hostile],
        )
        refuse_all(proof, template, pool, reporter)


def refuse_all(proof: Proof, template: Path, pool: ProcessPoolExecutor, reporter: Reporter) -> None:
    services = reporter.follow(
        "bad answers refused",
        [pool.submit(render, template, {name: value}, []) for name, value, _ in REFUSED],
    )
    for service, (name, value, sentence) in zip(services, REFUSED, strict=True):
        proof.hostile[0].seen |= service.seen
        said = "".join(str(finding) for finding in service.findings)
        if sentence not in said:
            message = f"{name}={value!r} is not refused with {sentence!r}, but: {said or 'taken'}"
            proof.refused.append(Finding("refused", "copier.yml", message))


def check_files(services: list[Service], pool: ProcessPoolExecutor, reporter: Reporter) -> None:
    """Checks each file once that several services share."""
    distinct = sorted({file for service in services for file in service.files.items()})
    futures = [pool.submit(check_file, path, content) for path, content in distinct]
    found = dict(zip(distinct, reporter.follow("files checked", futures), strict=True))
    for service in services:
        for file in service.files.items():
            service.findings += found[file]


def run_distinct_trees(proof: Proof, reporter: Reporter, installations: Path) -> None:
    """Runs the suite of each of them, of one with hostile answers, and the distinct workflows."""
    proof.environments = environments([str(each) for each in proof.questions["python_min"]])
    pythons = [each.python for each in proof.environments if each.resolution == "highest"]
    hostile = [each for each in proof.hostile if each.answers["python_min"] == pythons[0]][:1]
    with_workflow = first_of_each(
        [service for service in proof.services if WORKFLOW in service.files],
        lambda service: what_is_run(service.files[WORKFLOW]),
    )
    alike: dict[bytes, dict[str, dict[str, bytes]]] = {}
    for tree, services in proof.trees.items():
        files = services[0].files
        alike.setdefault(files["pyproject.toml"], {})[tree] = files
    groups = list(alike.values())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        workflows = [
            pool.submit(run_workflow, service.files, WORKFLOW, pythons) for service in with_workflow
        ]
        groups += [{service.tree: service.files} for service in hostile]
        runs = [
            pool.submit(run_suites, trees, environment, installations / f"{number} {environment}")
            for number, trees in enumerate(groups)
            for environment in proof.environments
        ]
        everything: list[Future[Any]] = [*workflows, *runs]
        reporter.follow("suites and workflows run", everything)
    proof.runs = [run for future in runs for run in future.result()]
    proof.workflows = {
        name: future.result()
        for name, future in zip(distinguishing_answers(with_workflow), workflows, strict=True)
    }


def distinguishing_answers(services: list[Service]) -> list[str]:
    """Of each service the answers in which it is not like all others."""
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
