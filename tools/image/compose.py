"""Carries out a compose file step by step, where there is no `docker compose`.

A plugin of the `docker` client: `docker compose build`, `up --detach` and `down` do here what those
of Docker do. Every key of a compose file is either honoured or an error.

It imports little, since the client starts it twice for each command.
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

METADATA = {"SchemaVersion": "0.1.0", "Vendor": "Evergreen", "Version": "1"}
MAX_SECONDS_TO_WAIT = 120
CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")

Variables = Mapping[str, str]


class UnsupportedError(ValueError):
    """A compose file or a command has something that is not done here."""


class ComposeError(Exception):
    """The message with which `docker compose` would fail."""


@dataclass(frozen=True)
class File:
    """A file that a container gets from `configs`, at a path of its own."""

    target: str
    content: bytes
    mode: int


@dataclass
class Service:
    name: str
    image: str
    build: Path | None
    options: list[str]
    """Options of `docker create`."""
    command: list[str]
    files: list[File]
    dependencies: dict[str, str]
    """Maps the names of services to conditions."""


@dataclass
class Project:
    name: str
    services: dict[str, Service] = field(default_factory=dict)
    """In the order in which they start."""
    volumes: list[str] = field(default_factory=list)

    @property
    def network(self) -> str:
        return f"{self.name}_default"

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"


VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)(?:(:?[-?])([^}$]*))?\}|(.?))")


def interpolate(value: Any, variables: Variables) -> Any:
    """Replaces the variables in all texts of a value, as the shell would."""
    if isinstance(value, dict):
        return {key: interpolate(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def replaced(found: re.Match[str]) -> str:
        dollar, plain, name, operator, text, _ = found.groups()
        if dollar:
            return "$"
        if not (plain or name):
            raise UnsupportedError(f"the variable in {value} is not supported")
        given = variables.get(plain or name)
        if given is None or (not given and operator and operator.startswith(":")):
            if operator and operator.endswith("?"):
                raise ComposeError(f"required variable {name} is missing a value: {text}")
            return text or ""
        return given

    return VARIABLE.sub(replaced, value)


def only(known: Mapping[str, object] | set[str], given: Mapping[str, object], place: str) -> None:
    """Raises `UnsupportedError` if a mapping has other keys."""
    for key in given:
        if key not in known and not key.startswith("x-"):
            raise UnsupportedError(f"{key} in {place} is not supported")


def read(text: str, folder: Path, variables: Variables) -> Project:
    """Reads a compose file that lies in a folder."""
    content = interpolate(yaml.safe_load(text), variables)
    only({"name", "services", "volumes", "configs"}, content, "the compose file")
    volumes = content.get("volumes") or {}
    for name, options in volumes.items():
        only(set(), options or {}, f"volumes.{name}")
    project = Project(content["name"], volumes=list(volumes))
    configs = {
        name: content_of(config, folder, variables, f"configs.{name}")
        for name, config in (content.get("configs") or {}).items()
    }
    for name in in_order(content["services"]):
        given = content["services"][name]
        project.services[name] = service_of(project, name, given, folder, variables, configs)
    return project


def in_order(services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yields the names of services, those that a service depends on before it."""
    done = set[str]()
    while len(done) < len(services):
        ready = [
            name
            for name, service in services.items()
            if name not in done and set(service.get("depends_on", {})) <= done
        ]
        if not ready:
            raise ComposeError("services depend on each other, or on one that is not there")
        yield from ready
        done.update(ready)


def content_of(config: Mapping[str, str], folder: Path, variables: Variables, place: str) -> bytes:
    only({"file", "content", "environment"}, config, place)
    match config:
        case {"file": path}:
            return (folder / path).read_bytes()
        case {"content": text}:
            return text.encode()
        case {"environment": name}:
            return variables[name].encode()
    raise ComposeError(f"{place} has no content")


Values = Callable[[Any], list[str]]


def repeated(option: str) -> Values:
    return lambda values: [f"{option}={value}" for value in values]


def single(option: str) -> Values:
    return lambda value: [f"{option}={value}"]


def switch(option: str) -> Values:
    return lambda value: [option] if value else []


OPTIONS: dict[str, Values] = {
    "cap_add": repeated("--cap-add"),
    "cap_drop": repeated("--cap-drop"),
    "cpus": single("--cpus"),
    "init": switch("--init"),
    "mem_limit": single("--memory"),
    "memswap_limit": single("--memory-swap"),
    "pids_limit": single("--pids-limit"),
    "ports": lambda ports: [f"--publish={string(port, 'ports')}" for port in ports],
    "read_only": switch("--read-only"),
    "restart": single("--restart"),
    "security_opt": repeated("--security-opt"),
    "shm_size": single("--shm-size"),
    "stop_grace_period": lambda duration: [f"--stop-timeout={seconds(duration)}"],
    "stop_signal": single("--stop-signal"),
    "tmpfs": lambda tmpfs: repeated("--tmpfs")([tmpfs] if isinstance(tmpfs, str) else tmpfs),
    "user": single("--user"),
    "working_dir": single("--workdir"),
}
OTHERS = {
    "build",
    "command",
    "configs",
    "depends_on",
    "entrypoint",
    "environment",
    "healthcheck",
    "image",
    "volumes",
}


def string(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise UnsupportedError(f"{value} in {place} is not supported")
    return value


def seconds(duration: str) -> int:
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration)
    if not duration or found is None:
        raise UnsupportedError(f"the duration {duration} is not supported")
    return int(found[1] or 0) * 60 + int(found[2] or 0)


def service_of(
    project: Project,
    name: str,
    given: Mapping[str, Any],
    folder: Path,
    variables: Variables,
    configs: Mapping[str, bytes],
) -> Service:
    place = f"services.{name}"
    only(OPTIONS.keys() | OTHERS, given, place)
    options = [
        option for key, values in OPTIONS.items() if key in given for option in values(given[key])
    ]
    options += environment_options(given.get("environment", {}), variables)
    options += health_options(given.get("healthcheck", {}), f"{place}.healthcheck")
    for volume in given.get("volumes", []):
        options += volume_options(volume, project, folder, f"{place}.volumes")
    entrypoint = words(given.get("entrypoint", []))
    if entrypoint:
        options.append(f"--entrypoint={entrypoint[0]}")
    return Service(
        name=name,
        image=given.get("image", f"{project.name}-{name}"),
        build=folder / string(given["build"], place) if "build" in given else None,
        options=options,
        command=entrypoint[1:] + words(given.get("command", [])),
        files=[file_of(config, configs, f"{place}.configs") for config in given.get("configs", [])],
        dependencies=dict(dependencies(given.get("depends_on", {}), place)),
    )


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else list(command)


def environment_options(given: Mapping[str, Any] | list[str], variables: Variables) -> list[str]:
    if isinstance(given, list):
        pairs = [entry.partition("=") for entry in given]
        given = {name: value if equals else None for name, equals, value in pairs}
    options = []
    for name, value in given.items():
        if isinstance(value, bool):
            raise ComposeError(f"environment.{name} must be a string, number or null")
        if value is not None:
            options.append(f"--env={name}={value}")
        elif name in variables:
            options.append(f"--env={name}={variables[name]}")
    return options


def health_options(check: Mapping[str, Any], place: str) -> list[str]:
    only({"test", "interval", "timeout", "retries", "start_period"}, check, place)
    options = []
    match check.get("test"):
        case ["CMD", *command]:
            # `docker create` only takes a line for the shell.
            options.append(f"--health-cmd={shlex.join(command)}")
        case ["CMD-SHELL", str(line)] | str(line):
            options.append(f"--health-cmd={line}")
        case None:
            pass
        case other:
            raise UnsupportedError(f"the test {other} in {place} is not supported")
    names = {"interval": "interval", "timeout": "timeout", "retries": "retries"}
    names["start_period"] = "start-period"
    options += [f"--health-{names[key]}={value}" for key, value in check.items() if key in names]
    return options


def volume_options(
    volume: str | Mapping[str, Any], project: Project, folder: Path, place: str
) -> list[str]:
    if isinstance(volume, str):
        source, _, rest = volume.partition(":")
        target, _, mode = rest.partition(":")
        if mode not in ("", "ro", "rw"):
            raise UnsupportedError(f"the mode {mode} in {place} is not supported")
        kind, read_only = "bind" if source.startswith((".", "/")) else "volume", mode == "ro"
    else:
        only({"type", "source", "target", "read_only"}, volume, place)
        kind, source, target = volume["type"], volume["source"], volume["target"]
        read_only = volume.get("read_only", False)
    if not target or kind not in ("bind", "volume"):
        raise UnsupportedError(f"{volume} in {place} is not supported")
    if kind == "bind":
        source = str((folder / source).resolve())
    elif source in project.volumes:
        source = f"{project.name}_{source}"
    else:
        raise ComposeError(f"{place} has a volume {source} that is not in the list of volumes")
    suffix = ",readonly" if read_only else ""
    return [f"--mount=type={kind},source={source},target={target}{suffix}"]


def file_of(config: str | Mapping[str, Any], configs: Mapping[str, bytes], place: str) -> File:
    if isinstance(config, str):
        config = {"source": config}
    only({"source", "target", "mode"}, config, place)
    source = config["source"]
    if source not in configs:
        raise ComposeError(f"{place} has a config {source} that is not in the list of configs")
    mode = config.get("mode", 0o444)
    mode = int(mode, 8) if isinstance(mode, str) else mode
    return File(config.get("target", f"/{source}"), configs[source], mode)


def dependencies(given: Mapping[str, Any] | list[str], place: str) -> Iterator[tuple[str, str]]:
    if isinstance(given, list):
        given = {name: {} for name in given}
    for name, dependency in given.items():
        only({"condition"}, dependency, f"{place}.depends_on.{name}")
        condition = dependency.get("condition", CONDITIONS[0])
        if condition not in CONDITIONS:
            raise UnsupportedError(f"the condition {condition} is not supported")
        yield name, condition


def docker(*arguments: str, given: bytes | None = None) -> str:
    result = subprocess.run(["docker", *arguments], input=given, stdout=subprocess.PIPE)
    if result.returncode != 0:
        raise ComposeError(f"docker {arguments[0]} has failed")
    return result.stdout.decode().strip()


def build(project: Project) -> None:
    folders = {service.image: service.build for service in project.services.values()}
    for image, folder in folders.items():
        if folder is not None:
            docker("build", f"--tag={image}", str(folder))


def exists(kind: str, name: str) -> bool:
    command = ["docker", kind, "inspect", name]
    return subprocess.run(command, capture_output=True).returncode == 0


def up(project: Project) -> None:
    label = f"--label=com.docker.compose.project={project.name}"
    if not exists("network", project.network):
        docker("network", "create", label, project.network)
    for volume in project.volumes:
        docker("volume", "create", label, f"{project.name}_{volume}")
    for service in project.services.values():
        for name, condition in service.dependencies.items():
            wait_for(project.container(name), condition)
        start(project, service, label)


def start(project: Project, service: Service, label: str) -> None:
    container = project.container(service.name)
    if exists("container", container):
        docker("rm", "--force", container)
    network = [f"--network={project.network}", f"--network-alias={service.name}"]
    labels = [label, f"--label=com.docker.compose.service={service.name}"]
    options = [f"--name={container}", "--pull=never", *labels, *network, *service.options]
    docker("create", *options, service.image, *service.command)
    if service.files:
        docker("cp", "-", f"{container}:/", given=archive(service.files))
    docker("start", container)
    print(f"Container {container}  Started", file=sys.stderr)


def archive(files: list[File]) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as tar:
        for file in files:
            entry = tarfile.TarInfo(file.target.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, int(time.time())
            tar.addfile(entry, io.BytesIO(file.content))
    return memory.getvalue()


def wait_for(container: str, condition: str) -> None:
    """Raises `ComposeError` if the condition does not hold in time, or can't hold any more."""
    end = time.monotonic() + MAX_SECONDS_TO_WAIT
    while time.monotonic() < end:
        state = json.loads(docker("inspect", "--format={{json .State}}", container))
        health = state.get("Health", {}).get("Status")
        ended = state["Status"] == "exited"
        match condition:
            case "service_started":
                return
            case "service_healthy" if health == "healthy":
                return
            case "service_healthy" if health == "unhealthy" or ended or not health:
                raise ComposeError(f"dependency failed to start: {container} is {health}")
            case "service_completed_successfully" if ended and state["ExitCode"] == 0:
                return
            case "service_completed_successfully" if ended:
                raise ComposeError(f"{container} has ended with status {state['ExitCode']}")
        time.sleep(0.1)
    raise ComposeError(f"{container}: {condition} is not so after {MAX_SECONDS_TO_WAIT} seconds")


def down(project: Project, *, volumes: bool) -> None:
    for name in reversed(project.services):
        container = project.container(name)
        if exists("container", container):
            docker("stop", container)
            docker("rm", container)
    if exists("network", project.network):
        docker("network", "rm", project.network)
    if volumes:
        for volume in project.volumes:
            docker("volume", "rm", "--force", f"{project.name}_{volume}")


def variables_of(folder: Path) -> dict[str, str]:
    """Returns the variables of this process, and others from `.env`."""
    path = folder / ".env"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = [line.partition("=") for line in lines if line.strip() and not line.startswith("#")]
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs} | os.environ


def carry_out(arguments: list[str], folder: Path) -> None:
    path = folder / "compose.yaml"
    project = read(path.read_text(), folder, variables_of(folder))
    match arguments:
        case ["build"]:
            build(project)
        case ["up", *options] if "--detach" in options and set(options) <= {
            "--detach",
            "--build",
            "--no-build",
        }:
            images = {service.image for service in project.services.values() if service.build}
            if "--build" in options or (
                "--no-build" not in options and not all(exists("image", name) for name in images)
            ):
                build(project)
            up(project)
        case ["down", *options] if set(options) <= {"--volumes"}:
            down(project, volumes=bool(options))
        case _:
            raise UnsupportedError(f"docker compose {' '.join(arguments)} is not supported")


def main() -> None:
    match sys.argv[1:]:
        case ["docker-cli-plugin-metadata"]:
            print(json.dumps(METADATA))
        case ["compose", *arguments]:
            try:
                carry_out(arguments, Path.cwd())
            except (ComposeError, UnsupportedError) as error:
                sys.exit(str(error))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
