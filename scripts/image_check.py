"""Builds the Dockerfile as it stands and runs what comes out, without a container engine and without a registry.

buildah builds in a chroot, and a minimal Debian with Python stands in for the base image. That proves every instruction
of the Dockerfile and how the result behaves, but not the real base, on which the release workflow builds.

For maintainers, as root on Debian: it installs buildah, podman and mmdebstrap where they are missing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".cache" / "image"
BIN = Path(sys.executable).parent
SIMULATOR = "127.0.0.1:10218"
BASE = "localhost/stand-in:trixie"
IMAGE = "localhost/shortgenius-exporter:check"
TOOLS = ("buildah", "podman", "mmdebstrap")

# The mounts of a container with a read-only root: the engine's /proc, and nothing to write to.
ENTER = """
set -e
mount --bind "$0" "$0"
mount --rbind /proc "$0/proc"
mount -o remount,bind,ro "$0"
cd "$0"
exec chroot --userspec="$1" . env -i "${@:2}"
"""


def main() -> int:
    if os.geteuid() != 0:
        print("image-check mounts and changes users: run it as root", file=sys.stderr)
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    lint()
    install_tools()
    build()
    described = describe()
    with container() as folder:
        serve(folder, described)
    return 0


def lint() -> None:
    run(str(BIN / "hadolint"), "Dockerfile")
    say("lint", "hadolint has nothing to say")


def install_tools() -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing)


def build() -> None:
    stand_in()
    (WORK / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    # How this machine reaches its package index, and whom it trusts, holds inside the build too.
    settings = [path for path in ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt") if Path(path).exists()]
    volumes = [argument for path in settings for argument in ("--volume", f"{path}:{path}:ro")]
    version = run(str(BIN / "shortgenius-exporter"), "--version").split()[-1]
    arguments = {"PYTHON_IMAGE": BASE, "VERSION": version, "REVISION": run("git", "rev-parse", "HEAD").strip()}
    build_args = [argument for name, value in arguments.items() for argument in ("--build-arg", f"{name}={value}")]
    chroot = ("--isolation", "chroot", "--network", "host", "--format", "docker", "--pull-never")
    began = time.monotonic()
    stored("buildah", "build", *chroot, *policy(), *volumes, *build_args, "--tag", IMAGE, ".")
    say("build", f"{len(instructions())} instructions in {time.monotonic() - began:.0f} s")


def stand_in() -> None:
    archive = WORK / "base.tar"
    if not archive.exists():
        packages = "--include=python3-minimal,python3-venv,ca-certificates"
        run("mmdebstrap", "--quiet", "--variant=minbase", packages, "trixie", str(WORK / "new.tar"))
        (WORK / "new.tar").rename(archive)
    if not stored("podman", "images", "--quiet", BASE):
        stored("podman", "import", "--quiet", str(archive), BASE)


def instructions() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def describe() -> dict[str, Any]:
    """The image's own configuration, once its size, user and labels have been told."""
    sizes = {
        name: int(stored("podman", "image", "inspect", "--format", "{{.Size}}", name).strip()) for name in (BASE, IMAGE)
    }
    inspected = json.loads(stored("buildah", "inspect", "--type", "image", IMAGE))
    config: dict[str, Any] = inspected["Docker"]["config"]
    labels = {name: value for name, value in config["Labels"].items() if name.startswith("org.opencontainers.image.")}
    say("size", f"{(sizes[IMAGE] - sizes[BASE]) / 1e6:.1f} MB above the base")
    say("uid", config["User"])
    shown = ("version", "revision", "licenses", "base.name")
    say("labels", ", ".join(f"{name}={labels[f'org.opencontainers.image.{name}']}" for name in shown))
    return config


@contextmanager
def container() -> Iterator[Path]:
    """The image's files, as a folder."""
    name = stored("buildah", "from", "--pull-never", *policy(), IMAGE).strip()
    try:
        yield Path(stored("buildah", "mount", name).strip())
    finally:
        stored("buildah", "rm", name)


def serve(folder: Path, config: dict[str, Any]) -> None:
    if listens(10217):
        sys.exit("something listens on port 10217, where the image is to be tried; stop it first")
    with ExitStack() as stack:
        simulator = [str(BIN / "shortgenius-exporter"), "simulate", "--web.listen-address", SIMULATOR]
        stack.enter_context(running(simulator, "simulator.log"))
        wait_until(lambda: listens(10218), "the simulator", "simulator.log")
        keys = ("SHORTGENIUS_API_KEY=sk-demo-studio", f"SHORTGENIUS_BASE_URL=http://{SIMULATOR}/api/v1")
        process = stack.enter_context(running([*inside(folder, config), *keys, *config["Entrypoint"]], "exporter.log"))
        wait_until(lambda: ask("/-/ready"), "the exporter", "exporter.log")
        status = Path(f"/proc/{process.pid}/status").read_text()
        run(*inside(folder, config), "sh", "-c", "! touch /var/lib/shortgenius-exporter/x 2>/dev/null")
        say("runs", f"as uid {status.partition('Uid:')[2].split()[0]}, root file system read-only")
        kind, *probe = config["Healthcheck"]["Test"]
        run(*inside(folder, config), *probe)
        say("health", f"{kind} {' '.join(probe)}: exit 0")
        say(
            "serves",
            next(line for line in ask("/metrics").splitlines() if line.startswith("shortgenius_balance_credits{")),
        )
    say("stops", f"exit {process.returncode} after SIGTERM")
    if process.returncode != 0:
        sys.exit(1)


def inside(folder: Path, config: dict[str, Any]) -> list[str]:
    """The start of a command line that runs the rest in ``folder`` as a container would."""
    return ["unshare", "--mount", "bash", "-c", ENTER, str(folder), config["User"], *config["Env"]]


@contextmanager
def running(command: list[str], log: str) -> Iterator[subprocess.Popen[bytes]]:
    with (WORK / log).open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def wait_until(condition: Callable[[], object], what: str, log: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what} did not come up:\n{(WORK / log).read_text()}")
        time.sleep(0.1)


def ask(path: str) -> str:
    """A good answer of the exporter, or nothing."""
    try:
        with urllib.request.urlopen(f"http://localhost:10217{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def policy() -> tuple[str, str]:
    return "--signature-policy", str(WORK / "policy.json")


def stored(tool: str, *arguments: str) -> str:
    """Runs buildah or podman on a storage of our own, so that nothing of the machine's is touched."""
    return run(tool, "--root", str(WORK / "storage"), "--runroot", str(WORK / "run"), *arguments)


def run(*command: str) -> str:
    environ = os.environ | {"STORAGE_DRIVER": "vfs", "DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"{' '.join(command)}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def say(what: str, text: str) -> None:
    print(f"{what:<8}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
