"""Renders services as a team commits them."""

import subprocess
from pathlib import Path

import copier

from evergreen.suites import own_environment
from tools.image.base_images import strip_digests

FILES_WITH_IMAGES = ("Dockerfile", "compose.yaml", ".github/workflows/ci.yml")


def render(template: Path, databases: list[str], folder: Path) -> dict[str, Path]:
    """Renders and locks a service for each database; returns their folders."""
    services = {}
    for database in databases:
        services[database] = folder / database
        copier.run_copy(
            str(template),
            services[database],
            data={"database": database},
            defaults=True,
            quiet=True,
        )
        lock = ["uv", "lock", "--quiet"]
        subprocess.run(lock, cwd=services[database], env=own_environment(), check=True)
    return services


def strip_digests_of(service: Path) -> set[str]:
    """Leaves the digests out of the files of a service; returns the images without theirs."""
    images = set[str]()
    for name in FILES_WITH_IMAGES:
        path = service / name
        text, found = strip_digests(path.read_text())
        path.write_text(text)
        images |= found
    return images
