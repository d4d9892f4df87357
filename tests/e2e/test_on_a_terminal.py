"""The commands on a real terminal, through a pipe, and completed by a real shell."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from shortgenius_exporter.config.accounts import ACCOUNT, DEFAULTS, LIMITS
from shortgenius_exporter.config.file import TOP
from shortgenius_exporter.simulator.faults import Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import PATIENCE, clean_environ, exporter_command, run_exporter, write


def on_a_terminal(*arguments: str, columns: int = 80, **environ: str) -> str:
    """What a command shows on a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    terminal = {name: value for name, value in clean_environ(TERM="xterm", **environ).items() if name != "COLUMNS"}
    command = [*exporter_command(), *arguments]
    with subprocess.Popen(command, env=terminal, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = _all(ours)
        running.wait(PATIENCE)
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def what_stays(shown: str) -> str:
    """What stays when progress, which a busy machine may show, has been wiped out."""
    return shown.rpartition("\r\x1b[K")[2]


def _all(descriptor: int) -> bytes:
    shown = b""
    while True:
        try:
            read = os.read(descriptor, 4096)
        except OSError:
            # Linux's word for a terminal whose other end is closed.
            return shown
        if not read:
            return shown
        shown += read


@pytest.fixture
def file(simulator: SimulatorServer, tmp_path: Path) -> str:
    accounts = "".join(f"  - {{name: a{i:02}, api_key: sk-a{i:02}}}\n" for i in range(3))
    limits = "limits: {max_concurrent_polls: 1}\n"
    defaults = f"defaults: {{base_url: '{simulator.base_url}', poll_timeout: 600ms}}\n"
    return str(write(tmp_path / "exporter.yml", f"{limits}{defaults}accounts:\n{accounts}"))


def test_a_terminal_gets_colours_unless_it_asks_for_none(file: str) -> None:
    command = ("balances", "--config.file", file, "a00")
    assert what_stays(on_a_terminal(*command)).startswith("\x1b[1mACCOUNT")
    assert what_stays(on_a_terminal(*command, NO_COLOR="1")).startswith("ACCOUNT")
    assert run_exporter(*command).stdout.startswith("ACCOUNT")


def test_a_narrow_terminal_is_not_overrun(file: str, simulator: SimulatorServer) -> None:
    simulator.admin("revoke", account="a01")
    shown = on_a_terminal("balances", "--config.file", file, columns=32, NO_COLOR="1")
    table = what_stays(shown).partition("a01: Replace")[0]
    assert table.startswith("a00\n  credits")
    assert max(map(len, table.splitlines())) <= 32


def test_who_waits_is_told_how_far_it_is(file: str, simulator: SimulatorServer) -> None:
    simulator.inject(Fault.HANG)
    shown = on_a_terminal("balances", "--config.file", file, columns=200, NO_COLOR="1")
    assert "\r\x1b[K2 of 3 accounts asked" in shown
    assert "\r\x1b[KACCOUNT" in shown


def test_through_a_pipe_there_are_only_results_and_hints_go_aside(file: str, simulator: SimulatorServer) -> None:
    simulator.admin("revoke", account="a01")
    ran = run_exporter("balances", "--config.file", file, "a01")
    assert ran.stdout.splitlines()[1:] == ["a01      -                  -  401 Unauthorized: the key was rejected"]
    assert ran.stderr == "a01: Replace the account's api_key in the configuration, then reload it (SIGHUP).\n"


def test_a_reader_that_has_seen_enough_is_no_error(file: str) -> None:
    command = f"{' '.join(exporter_command())} config example | head -n 1"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=clean_environ(), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["balance"], "did you mean balances?"),
        (["--cofnig.file", "x"], "shortgenius-exporter: unknown flag --cofnig.file: did you mean --config.file?"),
        (["balances", "--ouput=json"], "shortgenius-exporter: unknown flag --ouput: did you mean --output?"),
        (["--log.level", "warning"], "did you mean warn?"),
        (["check"], "shortgenius-exporter check: the following arguments are required: --require"),
    ],
)
def test_a_mistake_is_told_with_what_was_probably_meant(typed: list[str], told: str) -> None:
    ran = run_exporter(*typed)
    assert ran.returncode == 2
    assert told in ran.stderr.splitlines()[0]
    assert ran.stderr.splitlines()[1].endswith("--help")


@pytest.mark.parametrize("command", ["", "demo", "balances", "check", "once", "health", "simulate", "config"])
def test_help_fits_a_terminal_of_eighty_columns(command: str) -> None:
    shown = run_exporter(*command.split(), "--help", COLUMNS="80").stdout
    assert max(map(len, shown.splitlines())) <= 80


def test_the_example_configuration_is_valid_and_complete(tmp_path: Path) -> None:
    example = run_exporter("config", "example").stdout
    file = write(tmp_path / "example.yml", example)
    ran = run_exporter("--config.check", "--config.file", str(file))
    assert (ran.stdout, ran.returncode) == (f"{file}: fine, 2 accounts\n", 0)
    settings = {line.strip(" #-").partition(":")[0] for line in example.splitlines()}
    assert {*TOP.names, *ACCOUNT.names, *DEFAULTS.names, *LIMITS} <= settings


def test_the_example_configuration_holds_the_defaults(tmp_path: Path) -> None:
    example = run_exporter("config", "example").stdout
    for written in ("base_url: https://shortgenius.com/api/v1", "poll_interval: 1m", "poll_timeout: 10s"):
        assert f"\n  {written}\n" in example


def test_bash_completes_commands_flags_and_choices(tmp_path: Path) -> None:
    write(tmp_path / "complete.sh", run_exporter("completion", "bash").stdout)
    assert "balances" in completed(tmp_path, "ba")
    assert completed(tmp_path, "--config.") == ["--config.check", "--config.file"]
    assert completed(tmp_path, "balances", "--out") == ["--output"]
    assert completed(tmp_path, "balances", "--output", "") == ["json", "table"]


def completed(folder: Path, *words: str) -> list[str]:
    """What bash offers after these words."""
    script = (
        f"source {folder / 'complete.sh'}\n"
        f'COMP_WORDS=(shortgenius-exporter "$@"); COMP_CWORD={len(words)}\n'
        "$(complete -p shortgenius-exporter | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    ran = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    return sorted({line.strip() for line in ran.stdout.splitlines() if line.strip()})


def test_completion_without_its_package_says_how_to_get_it() -> None:
    script = (
        "import sys; sys.modules['shtab'] = None\n"
        "from shortgenius_exporter.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, "completion", "bash"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        "completion needs the package shtab: install it with pip install 'shortgenius-exporter[completion]'\n"
    )
