"""Writes what the weekly workflow needs for a pull request: title, text, branch, whether it is a draft."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from updater.releases import news_since
from updater.service import Service
from updater.suites import FAIL, FAILED_BEFORE, PASS

if TYPE_CHECKING:
    from updater.update import Update

MAX_BODY = 60_000
"""GitHub refuses a text of more than 65,536 characters."""


def write_pull_request(service: Service, update: Update, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    place = f"{service.prefix.rstrip('/')}: " if service.prefix else ""
    write(folder / "title", f"{place}{update.title}\n")
    write(folder / "branch", f"{update.branch}\n")
    write(folder / "body.md", body_of(service, update))
    if update.conflicts or update.tests in (FAIL, FAILED_BEFORE):
        write(folder / "draft", "")


def body_of(service: Service, update: Update) -> str:
    parts = []
    if update.conflicts:
        files = "\n".join(f"- `{path}`: {reason}" for path, reason in update.conflicts.items())
        parts.append(
            "**These files have conflicts**, which are committed with their markers. Merge them on "
            f"this branch:\n\n{files}\n\nThe tests were not run."
        )
    else:
        parts.append(update.tests if update.tests == PASS else f"**{update.tests}**")
    parts += update.notes
    news = "\n".join(news_since(update.ours.name, update.target.name)).strip()
    parts.append(f"# What has changed in the template\n\n{news}" if news else "")
    body = "\n\n".join(part for part in parts if part)
    return body if len(body) <= MAX_BODY else f"{body[:MAX_BODY]}\n\n… and more: see the changelog."


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="")
