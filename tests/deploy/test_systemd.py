"""The systemd unit, judged by systemd itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from manifests import ROOT
from support import run_exporter, write

UNIT = ROOT / "deploy" / "systemd" / "shortgenius-exporter.service"
EXECUTABLE = "/opt/shortgenius-exporter/bin/shortgenius-exporter"
# Unpacked instead of installed, systemd-analyze finds neither its own library nor systemd's own units.
TOOLS = ROOT / ".tools"
LIBRARIES = ":".join(map(str, TOOLS.glob("usr/lib/*/systemd")))
UNITS = ":".join(map(str, [*TOOLS.glob("lib/systemd/system"), *TOOLS.glob("usr/lib/systemd/system")]))


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | ({"LD_LIBRARY_PATH": LIBRARIES, "SYSTEMD_UNIT_PATH": f"{UNITS}:"} if LIBRARIES else {})
    return subprocess.run(["systemd-analyze", *arguments], env=environ, capture_output=True, text=True, check=False)


def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    executable = str(Path(sys.executable).with_name("shortgenius-exporter"))
    unit = write(tmp_path / UNIT.name, UNIT.read_text().replace(EXECUTABLE, executable))
    ran = analyze("verify", "--man=no", str(unit))
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_the_exposure_is_under_two(tmp_path: Path) -> None:
    ran = analyze("security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT))
    assert ran.returncode == 0, ran.stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", ran.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 2.0


def test_every_credential_is_where_the_example_file_reads_it(tmp_path: Path) -> None:
    unit = UNIT.read_text()
    text = (UNIT.parent / "exporter.yml").read_text()
    for name in re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE):
        write(tmp_path / name, "sk-x")
    text = text.replace("/run/credentials/shortgenius-exporter.service", str(tmp_path))
    ran = run_exporter("--config.check", "--config.file", str(write(tmp_path / "exporter.yml", text)))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_its_flags_are_flags_of_the_exporter() -> None:
    command = re.search(rf"ExecStart={EXECUTABLE}((?:\\\n|[^\n])*)", UNIT.read_text())
    assert command is not None
    ran = run_exporter(*command[1].replace("\\\n", " ").split(), "--config.check")
    assert ran.stderr == "/etc/shortgenius-exporter/exporter.yml: does not exist: create it, or correct the path\n"
