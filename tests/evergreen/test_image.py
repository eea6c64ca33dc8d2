"""The image job of a service's workflow is run step by step, with stand-ins for its images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evergreen.services import Render
from evergreen.workflows import UnsupportedError
from evergreen.working_tree import ROOT
from tools.image.base_images import make_stand_ins, strip_digests
from tools.image.controls import CONTROLS
from tools.image.rendered import strip_digests_of
from tools.image.served import PROPERTIES
from tools.image.workflow import read_job

REPOSITORY = Path("/repository")
DIGEST = f"sha256:{'0' * 64}"


def job_with(step: str, job: str = "") -> str:
    return f"jobs:\n  image:\n    name: Image\n    {job}\n    steps:\n      - {step}\n"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{name: A, uses: some/one@v1}", "the action some/one"),
        ("{name: A, uses: actions/checkout@v1, with: {ref: x}}", "ref in the inputs of"),
        ("{name: A, run: ls, shell: sh}", "shell in the step A"),
        ("{name: A, run: ls, if: always()}", r"the condition `always\(\)`"),
        ("{name: A, run: 'echo ${{ secrets.A }}'}", "the expression"),
    ],
)
def test_unsupported_parts_of_a_step_are_errors(step: str, message: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{message}.* is not supported"):
        read_job(job_with(step), "image", REPOSITORY)


def test_an_unsupported_key_of_the_job_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="services in the job image is not supported"):
        read_job(job_with("{name: A, run: ls}", job="services: {}"), "image", REPOSITORY)


def test_an_image_that_is_not_loaded_is_an_error() -> None:
    step = "{name: A, uses: docker/build-push-action@v1, with: {context: ., tags: a}}"

    with pytest.raises(UnsupportedError, match="an image that is not loaded"):
        read_job(job_with(step), "image", REPOSITORY)


def test_commands_and_known_actions_become_commands() -> None:
    step = "{name: A, uses: docker/build-push-action@v1, with: {context: ., load: true, tags: a}}"
    (built,) = read_job(job_with(step), "image", REPOSITORY)
    (run,) = read_job(
        job_with("{name: B, run: ls, if: failure(), env: {A: 1}}"), "image", REPOSITORY
    )

    assert built.command == ["docker", "build", "--tag=a", "."]
    assert run.command == ["bash", "-e", "-c", "ls"]
    assert run.environment == {"A": "1"}
    assert run.only_on_failure


def test_digests_are_stripped_from_images_only() -> None:
    text, images = strip_digests(f"uses: a/b@{'0' * 40}\nFROM r.io/a/b:1-c@{DIGEST} AS d\n")

    assert text == f"uses: a/b@{'0' * 40}\nFROM r.io/a/b:1-c AS d\n"
    assert images == {"r.io/a/b:1-c"}


@pytest.mark.parametrize("image", ["redis:8", "python:3.14-slim-trixie"])
def test_an_image_without_a_stand_in_is_an_error(image: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=image):
        make_stand_ins({image}, tmp_path)


@pytest.mark.parametrize(("database", "more"), [("sqlite", set()), ("postgresql", {"postgres"})])
def test_the_image_job_of_a_service_can_be_run(
    database: str, more: set[str], render: Render
) -> None:
    folder = render(database=database)

    images = strip_digests_of(folder)

    names = {image.split(":")[0] for image in images}
    assert names == {"ghcr.io/astral-sh/uv", "python"} | more
    workflow = (folder / ".github/workflows/ci.yml").read_text()
    assert "sha256:" not in workflow
    assert read_job(workflow, "image", folder)


def test_each_defect_can_be_planted(render: Render) -> None:
    folder = render()

    for control in CONTROLS:
        assert (folder / control.path).read_text().count(control.old) == 1, control.defect


def test_each_property_has_a_defect_that_breaks_it() -> None:
    assert set(PROPERTIES) <= {control.noticed_by for control in CONTROLS} | {"Migrate"}


@pytest.mark.parametrize(("option", "status"), [([], 0), (["--required"], 1)])
def test_a_machine_without_an_engine_fails_only_if_it_is_required(
    option: list[str], status: int, tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tools.image", "--real-images", *option],
        cwd=ROOT,
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert result.returncode == status
    assert result.stderr == "The image was not built: docker is not installed.\n"
