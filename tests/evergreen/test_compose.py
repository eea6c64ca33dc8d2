"""A compose file is carried out as it says; what can't be is an error."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from evergreen.services import Render
from tools.image.compose import ComposeError, File, Service, UnsupportedError, interpolate, read

SECRETS = {"SECRET_KEY": "k", "POSTGRES_PASSWORD": "p"}


def service_with(folder: Path, keys: dict[str, Any], **top: Any) -> Service:
    content = {"name": "shop", "services": {"web": {"image": "web", **keys}}, **top}
    return read(yaml.safe_dump(content), folder, {"TOKEN": "t"}).services["web"]


@pytest.mark.parametrize(
    ("key", "value", "options"),
    [
        ("read_only", True, ["--read-only"]),
        ("read_only", False, []),
        ("tmpfs", ["/tmp"], ["--tmpfs=/tmp"]),
        ("cap_drop", ["ALL"], ["--cap-drop=ALL"]),
        ("security_opt", ["no-new-privileges:true"], ["--security-opt=no-new-privileges:true"]),
        ("pids_limit", 200, ["--pids-limit=200"]),
        ("mem_limit", "512m", ["--memory=512m"]),
        ("stop_grace_period", "1m15s", ["--stop-timeout=75"]),
        ("ports", ["127.0.0.1:8000:8000"], ["--publish=127.0.0.1:8000:8000"]),
        ("environment", {"A": 1, "TOKEN": None, "B": None}, ["--env=A=1", "--env=TOKEN=t"]),
        ("environment", ["A=1=2", "TOKEN"], ["--env=A=1=2", "--env=TOKEN=t"]),
        ("healthcheck", {"test": ["CMD", "a", "b c"]}, ["--health-cmd=a 'b c'"]),
        (
            "healthcheck",
            {"test": ["CMD-SHELL", "a b"], "retries": 3, "start_period": "2s"},
            ["--health-cmd=a b", "--health-retries=3", "--health-start-period=2s"],
        ),
        ("volumes", ["data:/data"], ["--mount=type=volume,source=shop_data,target=/data"]),
    ],
)
def test_keys_become_options_of_docker(
    key: str, value: object, options: list[str], tmp_path: Path
) -> None:
    assert service_with(tmp_path, {key: value}, volumes={"data": None}).options == options


def test_bind_mounts_are_relative_to_the_compose_file(tmp_path: Path) -> None:
    long = {"type": "bind", "source": "./b", "target": "/b", "read_only": True}

    service = service_with(tmp_path, {"volumes": ["./a:/a:ro", long]})

    assert service.options == [
        f"--mount=type=bind,source={tmp_path}/{name},target=/{name},readonly" for name in "ab"
    ]


def test_configs_become_files(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    configs = {"a": {"file": "./a.sql"}, "b": {"content": "$TOKEN $$1"}}
    given = ["a", {"source": "b", "target": "/etc/b", "mode": "0440"}]

    service = service_with(tmp_path, {"configs": given}, configs=configs)

    assert service.files == [File("/a", b"SELECT 1", 0o444), File("/etc/b", b"t $1", 0o440)]


def test_services_start_after_those_that_they_depend_on(tmp_path: Path) -> None:
    services = {
        "web": {"image": "web", "depends_on": {"job": {"condition": "service_healthy"}}},
        "job": {"image": "job", "depends_on": ["base"]},
        "base": {"image": "base"},
    }

    project = read(yaml.safe_dump({"name": "shop", "services": services}), tmp_path, {})

    assert list(project.services) == ["base", "job", "web"]
    assert project.services["web"].dependencies == {"job": "service_healthy"}


@pytest.mark.parametrize("key", ["privileged", "networks", "env_file", "deploy", "command_"])
def test_an_unknown_key_of_a_service_is_an_error(key: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=rf"^{key} in services\.web is not supported$"):
        service_with(tmp_path, {key: True})


@pytest.mark.parametrize(
    ("keys", "top", "place"),
    [
        ({}, {"networks": {"own": None}}, "networks in the compose file"),
        ({}, {"volumes": {"data": {"external": True}}}, r"external in volumes\.data"),
        ({}, {"configs": {"a": {"external": True}}}, r"external in configs\.a"),
        ({"healthcheck": {"disable": True}}, {}, r"disable in services\.web\.healthcheck"),
        (
            {},
            {"services": {"web": {"depends_on": {"a": {"restart": True}}}, "a": {}}},
            "restart in .*",
        ),
        ({"ports": [{"target": 80}]}, {}, ".* in ports"),
        ({"volumes": ["./a:/a:z"]}, {}, r"the mode z in services\.web\.volumes"),
        ({"command": "${A:+b}"}, {}, r"the variable in \$\{A:\+b\}"),
    ],
)
def test_other_unknown_parts_are_errors(
    keys: dict[str, Any], top: dict[str, Any], place: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=rf"^{place} is not supported$"):
        service_with(tmp_path, keys, **top)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"command": "${A:?choose one}"}, "required variable A is missing a value: choose one"),
        ({"volumes": ["data:/data"]}, "a volume data that is not in the list"),
        ({"configs": ["a"]}, "a config a that is not in the list"),
        ({"environment": {"A": True}}, "environment.A must be a string"),
        ({"depends_on": ["other"]}, "depend on each other, or on one that is not there"),
    ],
)
def test_wrong_compose_files_are_refused(
    keys: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ComposeError, match=message):
        service_with(tmp_path, keys)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A-${A}", "a-a"),
        ("${EMPTY:-b}", "b"),
        ("${EMPTY-b}", ""),
        ("${MISSING-b}", "b"),
        ("${MISSING}", ""),
        ("$$A", "$A"),
    ],
)
def test_variables_are_replaced_as_in_a_shell(text: str, value: str) -> None:
    assert interpolate({"x": [text, 1]}, {"A": "a", "EMPTY": ""}) == {"x": [value, 1]}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_compose_file_of_a_service_can_be_carried_out(database: str, render: Render) -> None:
    folder = render(database=database)

    project = read((folder / "compose.yaml").read_text(), folder, SECRETS)

    assert list(project.services)[-2:] == ["migrate", "service"]
