"""Whatever an operator calls accounts and labels: promtool has nothing to say, the parser reads the same names."""

from __future__ import annotations

import subprocess

from prometheus_client.parser import text_string_to_metric_families

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot, succeeded
from shortgenius_exporter.metrics.exposition import Exposition

NOW = 1_800_000_000.0
NAMES = (
    'qu"ote',
    "new\nline",
    "back\\slash",
    "ends in \\",
    '\\"',
    "\\n",
    "{a='b'} 1",
    "# HELP x",
    "\N{COIN}",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\r",
    "\x85\u2028",
    "\x00",
    " ",
    "<script>",
    "x" * 10_000,
)


def test_promtool_accepts_and_the_parser_reads_back_every_name() -> None:
    exposition = Exposition(lambda: NOW)
    for number, name in enumerate(NAMES):
        account = Account(name, Secret("k"), labels=(("label", name[::-1]),))
        exposition.publish(succeeded(Snapshot(account), Balance({"credits": float(number)}), NOW, 0.1, 32))
    text = exposition.accounts(openmetrics=False)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)
    read = {
        sample.labels["account"]: (sample.labels["label"], sample.value)
        for family in text_string_to_metric_families(text.decode())
        if family.name == "shortgenius_balance_credits"
        for sample in family.samples
    }
    assert read == {name: (name[::-1], float(number)) for number, name in enumerate(NAMES)}
