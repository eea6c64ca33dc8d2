"""Versions in the forms that tags have, and how they compare: those of PEP 440, and of `git describe`."""

import re

VERSION = re.compile(
    r"v?(?P<release>\d+(\.\d+)*)"
    r"([-_.]?(?P<phase>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<candidate>\d*))?"
    r"(-(?P<implicit>\d+)(?!-g)|[-_.]?(post|rev|r)[-_.]?(?P<post>\d*))?"
    r"([-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?"
    r"(-(?P<commits>\d+)-g[0-9a-f]+)?",
    re.IGNORECASE,
)
PHASES = {"a": 1, "b": 2, "c": 3, "r": 3, "p": 3}
FINAL = 4

Key = tuple[tuple[int, ...], int, int, int, float, int]


def key_of(version: str) -> Key | None:
    """What to compare versions by; None for what is not a version, such as the name of a branch.

    A commit after 1.2.0 is 1.2.0-3-g… for git, and newer than 1.2.0.
    """
    found = VERSION.fullmatch(version)
    if not found:
        return None
    release = tuple(int(part) for part in found["release"].split("."))
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    phase = PHASES[found["phase"][0].lower()] if found["phase"] else FINAL
    is_dev, is_post = found["dev"] is not None, found["post"] is not None
    if is_dev and phase == FINAL and not is_post:
        phase = 0
    post = int(found["implicit"] or found["post"] or 0) if is_post or found["implicit"] else -1
    dev = float(found["dev_number"] or 0) if is_dev else float("inf")
    return release, phase, int(found["candidate"] or 0), post, dev, int(found["commits"] or 0)


def is_release(version: str) -> bool:
    """Whether it is neither a candidate nor a commit after a release."""
    key = key_of(version)
    return key is not None and key[1] == FINAL and key[4:] == (float("inf"), 0)


def is_older(version: str, than: str) -> bool:
    """False if one of them is not a version."""
    key, other = key_of(version), key_of(than)
    return key is not None and other is not None and key < other
