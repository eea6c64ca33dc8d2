"""The releases of the template, in the clone in which the updater lies, and how they compare."""

import re
import sys
from pathlib import Path

from updater.service import git

CLONE = Path(__file__).resolve().parents[1]


def tags_of_releases() -> dict[str, str]:
    """The tag of each version, the oldest first."""
    tags = git("tag", folder=CLONE).split()
    releases = {tag.removeprefix("v"): tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)+", tag)}
    if not releases:
        sys.exit(f"The template in {CLONE} has no tags, and so no release to update to.")
    return dict(sorted(releases.items(), key=lambda item: numbers(item[0])))


def numbers(version: str) -> list[int]:
    """Returns the numbers to compare; a commit after 1.2.0 is 1.2.0-3-g… for git, and newer."""
    found = re.match(r"\d+(\.\d+)+(-\d+)?", version)
    return [int(number) for number in re.findall(r"\d+", found[0])] if found else []


def is_newest(ours: str, newest: str) -> bool:
    return ours == newest or numbers(newest) < numbers(ours)


def news_since(ours: str, tag: str) -> list[str]:
    """The sections of the changelog at a tag that are about releases after ours."""
    sections = []
    for section in re.split(r"(?m)^(?=## )", git("show", f"{tag}:CHANGELOG.md", folder=CLONE))[1:]:
        version = re.match(r"## \[?v?(\d[^\]\s]*)", section)
        if version and numbers(version[1]) <= numbers(ours):
            break
        if version:
            sections.append(section)
    return sections
