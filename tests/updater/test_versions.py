"""How versions compare, in the forms that tags have."""

import pytest

from updater.versions import is_older, is_release, key_of

IN_ORDER = [
    "0.9",
    "1.0.dev1",
    "1.0a1",
    "1.0.0-beta.2",
    "v1.0.0rc1.dev2",
    "1.0.0rc1",
    "1.0rc2",
    "1.0",
    "1.0.0-3-g1234abc",
    "1.0.0-10-gabcdef0",
    "1.0.post1",
    "V1.0.1",
    "1.9",
    "1.10",
    "2024.1.1",
]


def test_versions_compare_as_python_compares_them() -> None:
    keys = [key_of(version) for version in IN_ORDER]

    assert keys == sorted(keys, key=lambda key: key or ())
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0", "v1.0.0"),
        ("1", "1.0"),
        ("1.0-1", "1.0.post1"),
        ("1.0-alpha.1", "1.0a1"),
        ("1.0_BETA1", "1.0b1"),
        ("1.0c1", "1.0rc1"),
        ("1.0pre1", "1.0rc1"),
        ("1.0-preview1", "1.0rc1"),
        ("1.0rc", "1.0rc0"),
        ("1.0.post", "1.0.rev0"),
        ("1.0dev", "1.0.dev0"),
    ],
)
def test_two_forms_of_one_version_are_the_same(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize("name", ["main", "", "1.x", "nightly-1.0", "1234abc", "1.0 beta"])
def test_other_names_are_no_versions(name: str) -> None:
    assert key_of(name) is None
    assert not is_release(name)
    assert not is_older(name, "1.0")
    assert not is_older("1.0", name)


def test_only_a_final_version_is_a_release() -> None:
    releases = [version for version in IN_ORDER if is_release(version)]

    assert releases == ["0.9", "1.0", "1.0.post1", "V1.0.1", "1.9", "1.10", "2024.1.1"]
