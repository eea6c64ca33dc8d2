"""Gives a fresh copy the format and the line ends of the service, which are no differences of meaning."""

import re
import tomllib
from pathlib import Path
from typing import Any

from updater.processes import run
from updater.service import LOCK, Service


def own_settings(service: Service, project: str) -> Path | None:
    """The file with the settings of ruff, unless they are those of this pyproject.toml."""
    path = settings_of_ruff(service.folder, service.top)
    if path is None or contents(path) == tomllib.loads(project).get("tool", {}).get("ruff"):
        return None
    return path


def adopt_formatting(service: Service, settings: Path, copy: Path) -> None:
    """Formats the Python files as ruff does in the service.

    The copy has the place of the service in its repository, since ruff finds the packages of a
    project from the folder of its settings.
    """
    place = service.folder.resolve().relative_to(settings.parent.resolve())
    folder = copy.parents[len(place.parts) - 1] if place.parts else copy
    ruff = ("uvx", "--quiet", f"ruff{version_of_ruff(service)}")
    options = ("--quiet", "--no-cache", f"--config={settings}", str(copy))
    run(*ruff, "check", "--select=I", "--fix-only", "--exit-zero", *options, folder=folder)
    run(*ruff, "format", *options, folder=folder)


def settings_of_ruff(folder: Path, top: Path) -> Path | None:
    """The nearest file with settings, as ruff looks for it, but not outside of the repository."""
    for name in (".ruff.toml", "ruff.toml", "pyproject.toml"):
        path = folder / name
        if path.is_file() and contents(path) is not None:
            return path
    return None if folder.resolve() == top.resolve() else settings_of_ruff(folder.parent, top)


def contents(settings: Path) -> dict[str, Any] | None:
    """The settings in a file; None if it is a pyproject.toml without some."""
    try:
        table = tomllib.loads(settings.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return None
    own: dict[str, Any] | None = table
    if settings.name == "pyproject.toml":
        own = table.get("tool", {}).get("ruff")
    return own


def version_of_ruff(service: Service) -> str:
    """The version in the lock file, written as for uvx."""
    lock = service.folder / LOCK
    text = lock.read_text("utf-8") if lock.is_file() else ""
    found = re.search(r'(?m)^name = "ruff"\nversion = "(.+)"$', text)
    return f"@{found[1]}" if found else ""


def adopt_line_ends(service: Service, copy: Path) -> None:
    """Ends lines with CR and LF where the service has committed them so; new files as most others."""
    ends = {}
    for entry in service.git("ls-files", "--eol", "-z").split("\0")[:-1]:
        about, path = entry.split("\t", 1)
        end = about.split()[0].removeprefix("i/")
        if end != "none":  # as of an empty file
            ends[path] = end
    most = list(ends.values())
    by_default = "crlf" if most.count("crlf") > most.count("lf") else "lf"
    for file in copy.rglob("*"):
        end = ends.get(file.relative_to(copy).as_posix(), by_default)
        if end == "crlf" and file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            if b"\0" not in content:
                file.write_bytes(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
