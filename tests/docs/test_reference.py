"""The references are those of the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from shortgenius_exporter import commands
from shortgenius_exporter.cli import parser
from shortgenius_exporter.core.account import Account, KeyFile, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.metrics.exporter import ExporterState
from shortgenius_exporter.web.accounts import accounts_json
from shortgenius_exporter.web.status import Overview, Selection

ROOT = Path(__file__).parents[2]
BALANCE = Balance({"credits": 217.0})
SPEC = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
assert SPEC is not None
assert SPEC.loader is not None
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)


@pytest.mark.parametrize("name", ["metrics.md", "cli.md"])
def test_the_generated_parts_are_up_to_date(name: str) -> None:
    page = (ROOT / "docs" / name).read_text("utf-8")
    assert reference.filled(page) == page, "run: make reference"


def test_every_metric_of_the_contract_is_described() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    for line in (ROOT / "tests" / "metrics" / "contract.txt").read_text().splitlines():
        name, kind = line.split("	")[:2]
        served = f"{name}_total" if kind == "counter" else name
        assert f"| `{served}` | {kind} |" in page


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_described(reason: Reason) -> None:
    assert f"| `{reason.value}` |" in (ROOT / "docs" / "metrics.md").read_text("utf-8")


def test_every_flag_is_described() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert {flag for flag in parser().flags() if f"`{flag}" not in page} <= {"-h", "--help"}


def test_the_json_shown_has_the_fields_that_are_served() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text("utf-8")
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    thresholds = (Threshold("credits", "warning", 100.0), Threshold("credits", "critical", 20.0))
    account = Account("studio", Secret("k"), labels=(("team", "video"),), thresholds=thresholds)
    snapshot = succeeded(Snapshot(account), Balance({"credits": 500.0}), 1.0, 0.1, 32)
    overview = Overview(ExporterState(1, reload_ok=True, reloaded_at=1.0), 1.0, 1.0, (snapshot,))
    assert fields(shown) == fields(json.loads(accounts_json(overview, Selection())))


def test_the_json_of_balances_has_the_fields_that_are_printed() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    read = succeeded(Snapshot(Account("studio", Secret("k"), labels=(("team", "video"),))), BALANCE, 1.0, 0.1, 32)
    refused = Failure(Reason.AUTH, "401 Unauthorized: the key was rejected")
    unread = failed(Snapshot(Account("agency", KeyFile(Path("/run/secrets/agency")))), refused, 1.0, 0.1)
    assert shown == [commands._as_json(read), commands._as_json(unread)]


def fields(value: object) -> object:
    """The names in a JSON document, without its values."""
    if isinstance(value, dict):
        return {name: fields(inner) for name, inner in value.items()}
    return [fields(inner) for inner in value] if isinstance(value, list) else None
