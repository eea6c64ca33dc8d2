"""Reports on the combinations: as tables in the terminal and as data for the page."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evergreen.combinations import Proof
from evergreen.findings import Finding
from evergreen.hostile_answers import REFUSED
from evergreen.questions import label
from evergreen.rendering import Service
from evergreen.static_checks import FILE_CHECKS, TREE_CHECKS
from evergreen.suites import Run, Step

CHECKS = ["rendered", *TREE_CHECKS, *FILE_CHECKS]
MAX_FINDINGS = 12
MAX_OUTPUT = 3000


def as_data(proof: Proof) -> dict[str, Any]:
    return {
        "passed": proof.passed,
        "seconds": proof.seconds,
        "questions": {name: values for name, values in proof.questions.items() if len(values) > 1},
        "checks": CHECKS,
        "services": [service_as_data(service, "combination") for service in proof.services]
        + [service_as_data(service, "hostile") for service in proof.hostile],
        "refused": {"count": len(REFUSED), "failed": [str(refused) for refused in proof.refused]},
        "branches": {
            "count": len(proof.branches),
            "failed": [f"{branch.file}:{branch.line}: {branch}" for branch in proof.never_taken],
        },
        "environments": [str(environment) for environment in proof.environments],
        "trees": {
            tree: {"shared": shared(proof, services), "stands_for": len(services)}
            for tree, services in proof.trees.items()
        },
        "runs": [
            {
                "tree": run.tree,
                "environment": str(run.environment),
                "passed": run.passed,
                "seconds": run.seconds,
                "steps": [asdict(step) for step in run.steps],
            }
            for run in proof.runs
        ],
        "workflows": [
            {"service": service, "passed": job.passed, **asdict(job)}
            for service, jobs in proof.workflows.items()
            for job in jobs
        ],
    }


def service_as_data(service: Service, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "label": service.label,
        "answers": service.answers,
        "tree": service.tree,
        "seconds": service.seconds,
        "findings": [asdict(finding) for finding in service.findings],
    }


def services_by_finding(services: list[Service]) -> dict[Finding, list[Service]]:
    """One defect of the template is often the same finding in half of the services."""
    found: dict[Finding, list[Service]] = {}
    for service in services:
        for finding in service.findings:
            found.setdefault(finding, []).append(service)
    return found


def show(proof: Proof, console: Console) -> None:
    """Prints what failed, then the table."""
    services = proof.all_services
    for number, (finding, affected) in enumerate(services_by_finding(services).items()):
        if number == MAX_FINDINGS:
            console.print("and more: see the page", style="red")
            break
        console.rule(f"[red]{finding.check}: {escape(finding.file)}", align="left")
        console.print(escape(finding.message))
        console.print(
            f"in {len(affected)} of {len(services)} services, such as {escape(affected[0].label)}"
        )
    for branch in proof.never_taken:
        console.print(f"[red]branches: {branch.file}:{branch.line}:[/] {escape(str(branch))}")
    for refused in proof.refused:
        console.print(f"[red]refused:[/] {escape(str(refused))}")
    for run in proof.runs:
        affected = proof.trees.get(run.tree, proof.hostile)
        where = f"services with this tree: {len(affected)}, such as {affected[0].label}"
        show_failed_steps(run.steps, f"on {run.environment}", where, console)
    for service, jobs in proof.workflows.items():
        for job in jobs:
            show_failed_steps(job.steps, f"of {job.name}", f"in the workflow of {service}", console)
    console.print("\nRendered and read:", table_of_checks(proof), sep="\n")
    if proof.runs:
        console.print("\nInstalled and run:", table_of_runs(proof), sep="\n")
        console.print("\nThe generated workflow, run:", table_of_workflows(proof), sep="\n")


def show_failed_steps(steps: list[Step], context: str, where: str, console: Console) -> None:
    for step in steps:
        if not step.passed:
            console.rule(f"[red]{escape(step.name)} {escape(context)}", align="left")
            console.print(escape(step.output[-MAX_OUTPUT:]))
            console.print(escape(where))


def mark(failed: int) -> str:
    return f"[red]{failed} failed[/]" if failed else "[green]✓[/]"


def table_of_checks(proof: Proof) -> Table:
    services = proof.all_services
    table = Table("check", "applied to", "")
    scope = f"{len(proof.services)} combinations"
    if proof.hostile:
        scope += f", {len(proof.hostile)} services with hostile answers"
    for check in CHECKS:
        failed = sum(
            any(finding.check == check for finding in service.findings) for service in services
        )
        table.add_row(check, scope, mark(failed))
        scope = "the same"
    if proof.hostile:
        table.add_row("refused", f"{len(REFUSED)} bad answers", mark(len(proof.refused)))
        conditions = f"{len(proof.branches) // 2} conditions, both ways"
        table.add_row("branches", conditions, mark(len(proof.never_taken)))
    return table


def table_of_runs(proof: Proof) -> Table:
    """Shows for each distinct tree and environment the seconds of its run, or the failed steps."""
    columns = [str(environment) for environment in proof.environments]
    table = Table("distinct tree", "stands for", *columns)
    rows = {
        tree: (shared(proof, services), f"{len(services)} combinations")
        for tree, services in proof.trees.items()
    }
    rows |= {
        service.tree: (f"hostile answers, {shared(proof, [service])}", "itself")
        for service in proof.hostile
    }
    for tree, (name, stands_for) in rows.items():
        runs = {str(run.environment): run for run in proof.runs if run.tree == tree}
        if runs:
            cells = [cell(runs[column]) if column in runs else "" for column in columns]
            table.add_row(name, stands_for, *cells)
    return table


def shared(proof: Proof, services: list[Service]) -> str:
    """Shows the answers that these services share, without questions that have only one answer."""
    return label(
        {
            name: services[0].answers[name]
            for name, values in proof.questions.items()
            if len(values) > 1 and len({service.answers[name] for service in services}) == 1
        }
    )


def cell(run: Run) -> str:
    failed = [step.name for step in run.steps if not step.passed]
    return f"[red]{', '.join(failed)} failed[/]" if failed else f"[green]✓[/] {run.seconds:.0f} s"


def table_of_workflows(proof: Proof) -> Table:
    table = Table("workflow of", "job", "steps run", "need Docker", "")
    for service, jobs in proof.workflows.items():
        for job in jobs:
            failed = sum(not step.passed for step in job.steps)
            counts = [str(len(job.steps)), str(len(job.left_out) or "")]
            table.add_row(service, escape(job.name), *counts, mark(failed) if job.steps else "")
    return table
