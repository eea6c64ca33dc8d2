"""Checks of a rendered service that the broken templates do not cover."""

from pathlib import Path

from evergreen.findings import Finding
from evergreen.static_checks import links_resolve


def test_broken_links_within_a_service_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/there.md").write_text("[up](../README.md#start) [out](https://example.com)")
    (tmp_path / "README.md").write_text(
        "[there](docs/there.md) ![gone](gone.png)\n\n    docs/\n      there.md  is there\n      b.md\n"
    )

    assert links_resolve(tmp_path, {}) == [
        Finding("links", "README.md", "links to gone.png: no such file"),
        Finding("links", "README.md", "shows docs/b.md: no such file"),
    ]
