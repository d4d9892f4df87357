"""What can be said of the image without building it; ``make image-check`` builds and runs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def locked(file: str) -> dict[str, tuple[str, int]]:
    """By name: the version, and how many hashes it has."""
    entries = re.split(r"^(?=[a-z])", (ROOT / "requirements" / file).read_text(), flags=re.MULTILINE)
    found = (re.match(r"(\S+)==(\S+) \\\n", entry) for entry in entries if entry)
    pins = [(match, match.string.count("--hash=sha256:")) for match in found if match is not None]
    assert len(pins) == len([entry for entry in entries if entry]), "every entry has one exact version"
    return {match[1]: (match[2], hashes) for match, hashes in pins}


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_lock_has_every_dependency_in_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for file, requirements in {
        "runtime.txt": project["project"]["dependencies"],
        "build.txt": project["build-system"]["requires"],
    }.items():
        versions = locked(file)
        for requirement in map(Requirement, requirements):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)][0]), requirement


def test_everything_in_the_lock_is_hashed_and_names_no_index() -> None:
    for file in ("runtime.txt", "build.txt"):
        assert all(hashes > 0 for _, hashes in locked(file).values())
        assert "://" not in (ROOT / "requirements" / file).read_text()


def test_the_base_is_pinned_by_tag_and_digest_for_both_stages() -> None:
    assert re.search(r"^ARG PYTHON_TAG=3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^ARG PYTHON_DIGEST=sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2


def test_everything_that_is_copied_is_let_through() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY ((?!--from)[^\n]+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {name for names in copied for name in names.split()} == allowed
