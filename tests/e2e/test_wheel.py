"""What users install: the wheel alone, in an empty environment, far from the source."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support import ask, clean_environ, eventually, program

PROJECT = Path(__file__).parents[2]


PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", str(folder), str(PROJECT), folder=folder)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_alone_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"), folder=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(str(python), *PIP, "install", str(wheel), folder=tmp_path)
    with program(str(python.with_name("shortgenius-exporter")), "demo", "--web.listen-address", "127.0.0.1:0") as demo:
        url = demo.wait_for(r"Metrics +(\S+)")[1]
        eventually(lambda: "shortgenius_balance_credits{" in ask(url).text)
        assert demo.stop()[0] == 0


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"shortgenius_exporter"}
    assert "shortgenius_exporter/py.typed" in names


def run(*command: str, folder: Path) -> None:
    ran = subprocess.run(command, cwd=folder, env=clean_environ(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
