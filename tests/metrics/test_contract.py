"""The golden file of every metric: name, type, label names, help. Changing it is changing the contract."""

from __future__ import annotations

import subprocess
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.renewal import MonthlyRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot, succeeded
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState, exporter_registry
from shortgenius_exporter.metrics.exposition import Exposition, Negotiated
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES

GOLDEN = Path(__file__).with_name("contract.txt")
NOW = 1_800_000_000.0


def everything() -> str:
    """An exposition in which every family has a sample."""
    account = Account(
        "studio", Secret("k"), thresholds=(Threshold("credits", "warning", 100.0),), renewal=MonthlyRenewal(1)
    )
    exposition = Exposition(lambda: NOW)
    snapshot = Snapshot(account)
    for balance in (10.0, 5.0, 7.0):
        exposition.publish(snapshot)
        snapshot = succeeded(snapshot, Balance({"credits": balance}), NOW, 0.5, 32)
    exposition.publish(snapshot)
    state = ExporterState(1, reload_ok=True, reloaded_at=NOW, web_reload_ok=True, poll_loop_ran_at=NOW)
    registry = exporter_registry(ExporterCollector(lambda: state, lambda: [exposition.durations.family()]))
    return (exposition.accounts(openmetrics=False) + Negotiated("").encode(registry)).decode()


def test_every_metric_has_the_name_type_labels_and_help_of_the_contract() -> None:
    lines = []
    for family in text_string_to_metric_families(everything()):
        if family.name.startswith("shortgenius_"):
            labels = sorted({name for sample in family.samples for name in sample.labels})
            lines.append(f"{family.name}\t{family.type}\t{','.join(labels)}\t{family.documentation}")
    assert "\n".join(lines) + "\n" == GOLDEN.read_text()


def test_the_process_and_the_platform_are_there_too() -> None:
    names = {family.name for family in text_string_to_metric_families(everything())}
    assert {"process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds", "python_info"} <= names


def test_the_table_names_exactly_the_labels_that_its_samples_bear() -> None:
    account = Account("a", Secret("k"), thresholds=(Threshold("credits", "warning", 1.0),), renewal=MonthlyRenewal(1))
    snapshot = Snapshot(account)
    for balance in (1.0, 2.0):
        snapshot = succeeded(snapshot, Balance({"credits": balance}), NOW, 0.5, 32)
    for family in ACCOUNT_FAMILIES:
        found = {tuple(name for name, _ in labels) for labels, _ in family.samples(snapshot, NOW)}
        assert found == {family.labels}, family.name


def test_promtool_has_nothing_to_say() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=everything(), text=True, capture_output=True, check=False
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)
