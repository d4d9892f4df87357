"""Several processes that share the accounts of one configuration."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from shortgenius_exporter.core.shard import owner
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, ask, eventually, exporter, run_exporter, write

# What differs from process to process and from poll to poll; all else must be equal.
MOVING = ("_duration_seconds", "_timestamp_seconds")


def config(simulator: SimulatorServer, folder: Path, *accounts: str) -> str:
    lines = "".join(f"  - {{name: {name}, api_key: sk-{name}}}\n" for name in accounts)
    thresholds = "thresholds: {credits: {warning: 300}}"
    text = f"defaults: {{base_url: '{simulator.base_url}', {thresholds}}}\naccounts:\n{lines}"
    return str(write(folder / "exporter.yml", text))


def series_of_accounts(running: RunningExporter) -> list[str]:
    """Every line that is about an account; without its value where that depends on time."""
    lines = [line for line in running.metrics().splitlines() if 'account="' in line]
    return sorted(line.rpartition(" ")[0] if any(part in line for part in MOVING) else line for line in lines)


def test_the_shards_together_serve_what_one_process_serves(simulator: SimulatorServer, tmp_path: Path) -> None:
    file = config(simulator, tmp_path, *(f"a{i:02}" for i in range(20)))
    with ExitStack() as stack:
        whole, *parts = (
            stack.enter_context(exporter("--config.file", file, *flags))
            for flags in ([], *(["--shard", str(ordinal), "--total-shards", "3"] for ordinal in range(3)))
        )
        for running in (whole, *parts):
            running.wait_until_ready()
        together = sorted(line for part in parts for line in series_of_accounts(part))
        assert together == series_of_accounts(whole)
        counts = [part.value("shortgenius_exporter_accounts") for part in parts]
    assert sum(count or 0 for count in counts) == 20
    assert all(counts)
    assert [simulator.requests(f"a{i:02}") for i in range(20)] == [2] * 20  # by the whole and by one part


def test_a_shard_without_accounts_is_ready_and_serves(simulator: SimulatorServer, tmp_path: Path) -> None:
    (empty,) = {0, 1} - {owner("a00", 2)}
    file = config(simulator, tmp_path, "a00")
    with exporter("--config.file", file, "--shard", str(empty), "--total-shards", "2") as running:
        running.wait_until_ready()
        assert ask(running.url + "/-/healthy").status == 200
        assert running.value("shortgenius_exporter_accounts") == 0
        assert running.value("shortgenius_exporter_shard_ordinal") == empty
        assert running.value("shortgenius_exporter_total_shards") == 2
        assert 'account="' not in running.metrics("application/openmetrics-text")
        assert running.program.stop()[0] == 0
    assert simulator.requests("a00") == 0


def test_a_reload_keeps_the_share(simulator: SimulatorServer, tmp_path: Path) -> None:
    names = [f"a{i:02}" for i in range(20)]
    mine = [name for name in names if owner(name, 4) == 2]
    file = config(simulator, tmp_path, mine[0])
    flags = ("--config.file", file, "--shard", "2", "--total-shards", "4", "--web.enable-lifecycle")
    with exporter(*flags) as running:
        running.wait_until_ready()
        config(simulator, tmp_path, *names)
        assert ask(running.url + "/-/reload", "POST").status == 200
        eventually(lambda: running.value("shortgenius_exporter_accounts") == len(mine))
        running.wait_until_ready()
        served = {line for line in running.metrics().splitlines() if line.startswith("shortgenius_up{")}
    assert served == {f'shortgenius_up{{account="{name}"}} 1' for name in mine}


def test_the_pod_name_of_a_statefulset_names_the_shard(simulator: SimulatorServer, tmp_path: Path) -> None:
    flags = ("--shard", "team-1-shortgenius-exporter-12", "--total-shards", "13")
    with exporter("--config.file", config(simulator, tmp_path, "a00"), *flags) as running:
        assert running.value("shortgenius_exporter_shard_ordinal") == 12


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shard=3", "--total-shards=3"], "--shard: 3 is above 2, the last of --total-shards 3"),
        (["--shard=1"], "--shard: 1 is above 0, the last of --total-shards 1"),
        (["--shard=-1"], "'-1' is neither a number from 0 nor a pod's name that ends in one"),
        (["--shard=exporter"], "'exporter' is neither a number from 0 nor a pod's name that ends in one"),
        (["--total-shards=0"], "'0' is not a number from 1"),
    ],
)
def test_a_shard_that_does_not_exist_exits_2(flags: list[str], message: str) -> None:
    ran = run_exporter(*flags, SHORTGENIUS_API_KEY="x")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[0].endswith(message)
