"""The workflows and the notes of a release."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from manifests import ROOT
from release_notes import notes, versions

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def test_actionlint_and_shellcheck_have_nothing_to_say() -> None:
    environ = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    assert (BIN / "shellcheck").exists(), "actionlint is silent about scripts without it"
    ran = subprocess.run([BIN / "actionlint", *WORKFLOWS], env=environ, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_every_action_is_pinned_by_commit_and_names_its_release() -> None:
    used = [line for file in WORKFLOWS for line in re.findall(r"uses: (.+)", file.read_text())]
    foreign = [line for line in used if not line.startswith("./")]
    assert foreign
    assert [line for line in foreign if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_no_job_has_more_rights_than_it_names() -> None:
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {}
        assert all("permissions" in job for job in workflow["jobs"].values())


def test_the_tests_run_on_every_python_that_the_package_names() -> None:
    (ci,) = [yaml.safe_load(file.read_text()) for file in WORKFLOWS if file.stem == "ci"]
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert ci["jobs"]["test"]["strategy"]["matrix"]["python"] == classifiers


def test_shell_scripts_pass_shellcheck() -> None:
    scripts = [ROOT / "scripts" / "get-tools", ROOT / ".ci" / "run"]
    ran = subprocess.run([BIN / "shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_every_file_names_the_same_version() -> None:
    assert len(set(versions(ROOT).values())) == 1, versions(ROOT)


CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-22

### Added

- Shards.

## [1.1.0] - 2026-10-01

- Older.

[1.2.0]: https://example.com
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "1.2.0") == "### Added\n\n- Shards.\n"
    assert notes(CHANGELOG, "1.1.0") == "- Older.\n"


def test_a_version_that_the_changelog_does_not_know_or_explain_has_no_notes() -> None:
    assert notes(CHANGELOG, "1.3.0") is None
    assert notes(CHANGELOG, "Unreleased") is None
