"""Renders services with Copier and checks them."""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import copier

from evergreen.branches import Outcome, recorded_branches
from evergreen.findings import Finding
from evergreen.questions import Answers, label
from evergreen.static_checks import TreeCheck


@dataclass
class Service:
    """A service rendered from a combination of answers, and the findings about it."""

    answers: Answers
    files: dict[str, bytes] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seen: set[Outcome] = field(default_factory=set)
    seconds: float = 0
    tree: str = ""
    """The digest of the files that its tests can see."""

    @property
    def label(self) -> str:
        return label(self.answers)


def files_of(folder: Path) -> dict[str, bytes]:
    """Returns the content of each file by its path in the folder, without git's own files."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Lists the paths of files that differ or that one side lacks."""
    return sorted(
        path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path)
    )


def render(template: Path, answers: Answers, checks: list[TreeCheck]) -> Service:
    """Renders a service into a temporary folder and checks it there.

    If Copier raises an error, that is a finding, too.
    """
    service = Service(answers)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary, recorded_branches() as seen:
        folder = Path(temporary) / "service"
        try:
            copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True)
        except Exception as error:
            service.findings.append(Finding("rendered", "", f"{type(error).__name__}: {error}"))
        else:
            service.files = files_of(folder)
            for check in checks:
                service.findings += check(folder, answers)
        service.seen = set(seen)
    service.seconds = time.perf_counter() - started
    return service
