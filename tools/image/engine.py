"""Runs Docker's engine in namespaces of its own, which leaves nothing behind however it ends.

In its mount namespace, the engine has a `/run` of its own, so its socket can't be that of another
engine, and no mount outlives it. In its network namespace, it has ports, bridges and iptables rules
of its own; slirp4netns connects that to the outside. When the first process of its process
namespace ends, the kernel ends all the others: engine, shims and containers.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evergreen.processes import wait_until

# The client of the same package as the engine: a newer one refuses to talk to it.
CLIENT = Path("/usr/bin/docker")
PROGRAM_OF_PACKAGE = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "slirp4netns": "slirp4netns",
    "curl": "curl",
    "openssl": "openssl",
}
SOCKET = Path("/run/evergreen-docker.sock")
MIN_KILOBYTES_IN_MEMORY = 6 * 1024**2
UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
NAME_SERVER = "10.0.2.3"  # that of slirp4netns
CONTROL_GROUPS = Path("/sys/fs/cgroup")
SHELL_OF_PLUGIN = """\
#!/bin/sh
PYTHONPATH='{root}' exec '{python}' -m tools.image.compose "$@"
"""


def missing() -> str | None:
    """Returns a sentence that says what this machine lacks for an engine of its own."""
    if not Path("/etc/debian_version").exists():
        return "The engine is that of Debian, and this is another system."
    if os.geteuid() != 0:
        return "The engine needs root."
    packages = [
        package
        for program, package in PROGRAM_OF_PACKAGE.items()
        if not (shutil.which(program) or Path("/usr/sbin", program).exists())
    ]
    if packages:
        return f"Packages of Debian are missing: {', '.join(packages)}."
    if not Path("/dev/net/tun").exists():
        return "/dev/net/tun is missing, which slirp4netns needs."
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0:
        return "The engine needs namespaces of its own, which this system refuses."
    return None


def missing_client() -> str | None:
    """Returns a sentence that says what this machine lacks to use an engine that runs already."""
    if shutil.which("docker") is None:
        return "docker is not installed."
    for command, sentence in {
        ("docker", "info"): "docker reaches no engine.",
        ("docker", "compose", "version"): "docker has no plugin for compose.",
    }.items():
        if subprocess.run(command, capture_output=True).returncode != 0:
            return sentence
    return None


def run_in_namespaces(command: list[str], folder: Path) -> int:
    """Runs a command that calls `wait_for_network` first; returns its exit status.

    In the end, the control groups of the engine are deleted, which have the name of its folder.
    """
    # Ctrl-C is for this process: the end of its input ends the command.
    inside = subprocess.Popen([*UNSHARE, *command], stdin=subprocess.PIPE, start_new_session=True)
    assert inside.stdin is not None
    try:
        with network_of(inside):
            inside.stdin.write(b"connected\n")
            inside.stdin.flush()
            return inside.wait()
    finally:
        with suppress(BrokenPipeError):
            inside.stdin.close()
        inside.wait()
        delete_control_groups(folder.name)


@contextmanager
def network_of(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Connects the network namespace of a process to the outside."""
    namespace = Path(f"/proc/{process.pid}/ns/net")
    wait_until(
        lambda: (
            process.poll() is not None
            or namespace.readlink() != Path("/proc/self/ns/net").readlink()
        )
    )
    is_ready, ready = os.pipe()
    until_closed, lifeline = os.pipe()
    slirp = subprocess.Popen(
        [
            *("slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback"),
            *(f"--ready-fd={ready}", f"--exit-fd={until_closed}", str(process.pid), "tap0"),
        ],
        pass_fds=[ready, until_closed],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(ready)
    os.close(until_closed)
    try:
        if os.read(is_ready, 1) != b"1":
            printed, _ = slirp.communicate()
            raise RuntimeError(f"slirp4netns has not connected the engine: {printed.decode()}")
        yield
    finally:
        os.close(is_ready)
        os.close(lifeline)
        slirp.communicate()


def wait_for_network() -> None:
    """Returns when the network is there; ends this process when the one outside ends."""
    if sys.stdin.readline() != "connected\n":
        sys.exit("The network of the engine is not there.")

    def end_with_input() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=end_with_input, daemon=True).start()


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """Yields variables with which `docker` and `docker compose` use an engine of their own."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    configuration, log = folder / "engine.json", folder / "engine.log"
    configuration.write_text("{}")  # not that of the system
    command = [
        "dockerd",
        f"--config-file={configuration}",
        f"--data-root={data_root(folder)}",
        f"--host=unix://{SOCKET}",
        f"--dns={NAME_SERVER}",
        f"--cgroup-parent={folder.name}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
    ]
    environment = environment_of_client(folder)
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        if not has_started(process, environment):
            raise RuntimeError(f"dockerd has not started:\n{log.read_text()[-3000:]}")
        yield environment
    finally:
        process.terminate()
        process.wait()


def data_root(folder: Path) -> Path:
    """In memory, it is faster and gone when the engine is."""
    memory = Path("/proc/meminfo").read_text()
    found = re.search(r"^MemAvailable: +(\d+) kB$", memory, re.MULTILINE)
    in_memory = found is not None and int(found[1]) > MIN_KILOBYTES_IN_MEMORY
    return Path("/run/engine") if in_memory else folder / "engine"


def environment_of_client(folder: Path) -> dict[str, str]:
    """Makes a folder of programs with that client and a `docker compose` of our own."""
    plugin = folder / "client/cli-plugins/docker-compose"
    plugin.parent.mkdir(parents=True)
    root = Path(__file__).parents[2]
    plugin.write_text(SHELL_OF_PLUGIN.format(root=root, python=sys.executable))
    plugin.chmod(0o755)
    programs = folder / "programs"
    programs.mkdir()
    (programs / "docker").symlink_to(CLIENT)
    return os.environ | {
        "PATH": f"{programs}:/usr/sbin:{os.environ['PATH']}",
        "DOCKER_HOST": f"unix://{SOCKET}",
        "DOCKER_CONFIG": str(folder / "client"),
        "DOCKER_BUILDKIT": "1",
    }


def has_started(process: subprocess.Popen[bytes], environment: dict[str, str]) -> bool:
    for _ in range(300):
        if process.poll() is not None:
            return False
        if subprocess.run(["docker", "info"], env=environment, capture_output=True).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def delete_control_groups(name: str) -> None:
    for top in CONTROL_GROUPS.rglob(name):
        groups = [group for group in top.rglob("*") if group.is_dir()]
        for group in [*reversed(groups), top]:
            with suppress(OSError):
                group.rmdir()
