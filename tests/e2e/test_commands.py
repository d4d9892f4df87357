"""The commands as an operator types them."""

from __future__ import annotations

import json
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from shortgenius_exporter.simulator.faults import Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import a_second, ask, eventually, exporter_command, program, run_exporter, write


@pytest.fixture
def file(simulator: SimulatorServer, tmp_path: Path) -> str:
    simulator.admin("revoke", account="a02")
    text = f"""\
defaults: {{base_url: '{simulator.base_url}', thresholds: {{image_credits: {{warning: 50, critical: 5}}}}}}
accounts:
  - {{name: studio, api_key: sk-a00, labels: {{team: video}}}}
  - {{name: "ag\\nency", api_key: sk-a02}}
"""
    return str(write(tmp_path / "exporter.yml", text))


def test_version_is_the_package_version() -> None:
    assert run_exporter("--version").stdout == f"shortgenius-exporter {version('shortgenius-exporter')}\n"


def test_a_flag_that_does_not_exist_exits_2_and_points_to_the_help() -> None:
    ran = run_exporter("--cofnig.file", "x")
    assert (ran.returncode, ran.stderr) == (
        2,
        "shortgenius-exporter: unknown flag --cofnig.file: did you mean --config.file?\n"
        "Try: shortgenius-exporter --help\n",
    )


def test_config_check_says_fine_and_asks_nobody(file: str, simulator: SimulatorServer) -> None:
    ran = run_exporter("--config.check", "--config.file", file)
    assert (ran.returncode, ran.stdout) == (0, f"{file}: fine, 2 accounts\n")
    assert simulator.requests("a00") == 0


def test_config_check_prints_every_problem_with_its_place(tmp_path: Path) -> None:
    text = "accounts:\n  - name: a\n    api_key: k\n    poll_intervall: 1m\n  - name: a\n    api_key: k2\n"
    file = write(tmp_path / "bad.yml", text)
    ran = run_exporter("--config.check", "--config.file", str(file))
    assert ran.returncode == 2
    assert [line.split(": ")[0] for line in ran.stderr.splitlines()] == [f"{file}:4:5", f"{file}:5:11"]


def test_balances_are_a_table_with_failures_in_words(file: str) -> None:
    ran = run_exporter("balances", "--config.file", file)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "ACCOUNT   CREDIT TYPE    BALANCE  STATE",
        "studio    credits            217  ok",
        "studio    image_credits       40  below warning 50",
        "ag\\nency  -                    -  401 Unauthorized: the key was rejected",
    ]


def test_balances_of_one_account_exit_0(file: str) -> None:
    ran = run_exporter("balances", "--config.file", file, "studio")
    assert ran.returncode == 0
    assert ran.stdout.splitlines() == [
        "ACCOUNT  CREDIT TYPE    BALANCE  STATE",
        "studio   credits            217  ok",
        "studio   image_credits       40  below warning 50",
    ]


def test_balances_of_an_unknown_account_are_wrong_usage(file: str) -> None:
    ran = run_exporter("balances", "--config.file", file, "sutdio")
    assert (ran.returncode, ran.stderr) == (
        2,
        "no account 'sutdio' is configured; there are: 'studio', 'ag\\nency'\n",
    )


def test_balances_as_json(file: str) -> None:
    found = json.loads(run_exporter("balances", "--config.file", file, "--output", "json").stdout)
    assert found == [
        {
            "account": "studio",
            "labels": {"team": "video"},
            "up": True,
            "balances": {"credits": 217, "image_credits": 40},
            "error": None,
        },
        {
            "account": "ag\nency",
            "labels": {},
            "up": False,
            "balances": {},
            "error": {
                "reason": "auth",
                "message": "401 Unauthorized: the key was rejected",
                "advice": "Replace the account's api_key in the configuration, then reload it (SIGHUP)",
            },
        },
    ]


@pytest.mark.parametrize(
    ("required", "accounts", "code", "line"),
    [
        ("credits=217", ["studio"], 0, "studio: enough: 217 credits, 217 required"),
        ("credits=218", ["studio"], 1, "studio: too little: 217 credits, 218 required"),
        ("audio=1", ["studio"], 3, "studio: unknown: the account has no audio"),
        ("credits=1", [], 3, "ag\\nency: unknown: 401 Unauthorized: the key was rejected"),
        ("credits=218", [], 1, "studio: too little: 217 credits, 218 required"),
    ],
)
def test_check_is_a_gate(required: str, accounts: list[str], code: int, line: str, file: str) -> None:
    ran = run_exporter("check", "--require", required, "--config.file", file, *accounts)
    assert ran.returncode == code
    assert line in ran.stdout.splitlines()


@pytest.mark.parametrize("required", ["credits", "credits=", "credits=x", "=5", "credits=-1", "credits=nan"])
def test_check_refuses_what_is_no_requirement(required: str, file: str) -> None:
    ran = run_exporter("check", "--require", required, "--config.file", file)
    assert (ran.returncode, ran.stderr) == (
        2,
        f"shortgenius-exporter check: argument --require: '{required}' is not TYPE=AMOUNT, for example credits=500\n"
        "Try: shortgenius-exporter check --help\n",
    )


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_command_at_once_though_polls_hang(file: str, simulator: SimulatorServer) -> None:
    simulator.inject(Fault.HANG)
    with program(*exporter_command(), "balances", "--config.file", file) as running:
        simulator.wait_for_requests("a00", 1)
        code, took = running.stop(signal.SIGINT)
    assert code == 130
    assert took < a_second()


def test_once_prints_the_metrics_but_none_of_the_process(file: str) -> None:
    ran = run_exporter("once", "--config.file", file)
    assert ran.returncode == 0
    assert 'shortgenius_balance_credits{account="studio",team="video",credit_type="credits"} 217\n' in ran.stdout
    assert 'shortgenius_up{account="ag\\nency"} 0\n' in ran.stdout
    assert "shortgenius_api_request_duration_seconds_count 2.0\n" in ran.stdout
    assert "process_" not in ran.stdout


def test_once_writes_a_file_in_one_move(file: str, tmp_path: Path) -> None:
    target = write(tmp_path / "textfile" / "credits.prom", "old")
    ran = run_exporter("once", "--config.file", file, "--output", str(target))
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "shortgenius_balance_credits" in target.read_text()
    assert [one.name for one in target.parent.iterdir()] == ["credits.prom"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_once_leaves_nothing_behind_where_it_cannot_write(file: str, tmp_path: Path) -> None:
    target = tmp_path / "textfiles" / "credits.prom"
    target.mkdir(parents=True)
    ran = run_exporter("once", "--config.file", file, "--output", str(target))
    assert (ran.returncode, ran.stderr) == (1, f"cannot write {target}: Is a directory\n")
    assert list(target.parent.iterdir()) == [target]


def test_once_says_when_it_cannot_write(file: str, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "x.prom"
    ran = run_exporter("once", "--config.file", file, "--output", str(target))
    assert (ran.returncode, ran.stderr) == (1, f"cannot write {target}: No such file or directory\n")


@pytest.mark.alone
def test_demo_serves_live_metrics_that_promtool_likes_and_credits_are_consumed() -> None:
    with program(*exporter_command(), "demo", "--web.listen-address", "127.0.0.1:0") as running:
        url = running.wait_for(r"Metrics +(\S+)")[1]
        eventually(lambda: any(amount > 0 for amount in consumed(ask(url).text)), patience=60)
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=ask(url).body, capture_output=True, check=False
        )
        code, took = running.stop(signal.SIGINT)
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)
    assert code == 0
    assert took < 2


def consumed(text: str) -> list[float]:
    return [
        float(line.split()[-1]) for line in text.splitlines() if line.startswith("shortgenius_consumed_credits_total{")
    ]


@pytest.mark.alone
def test_simulate_serves_the_api_that_it_tells_how_to_use() -> None:
    with program(*exporter_command(), "simulate", "--web.listen-address", "127.0.0.1:0") as running:
        command = running.wait_for(r"Try: SHORTGENIUS_API_KEY=(\S+) SHORTGENIUS_BASE_URL=(\S+)")
        ran = run_exporter("balances", SHORTGENIUS_API_KEY=command[1], SHORTGENIUS_BASE_URL=command[2])
        code, took = running.stop()
    assert ran.returncode == 0
    assert "default" in ran.stdout
    assert (code, took < 2) == (0, True)


def test_the_demo_refuses_a_configuration_rather_than_ignoring_it(file: str) -> None:
    ran = run_exporter("--config.file", file, "demo")
    assert (ran.returncode, ran.stderr) == (
        2,
        "--config.file: the demo has accounts of its own; leave the flag or the command out\n",
    )
