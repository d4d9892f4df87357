"""What to do about a failed poll."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortgenius_exporter.core.account import Account, KeyFile
from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_without_the_key(reason: Reason) -> None:
    sentence = advice(Account("a", Secret("sk-very-secret")), reason)
    assert sentence[0].isupper()
    assert not sentence.endswith(".")
    assert "sk-very-secret" not in sentence


def test_a_rejected_key_from_a_file_names_the_file() -> None:
    account = Account("a", KeyFile(Path("/run/secrets/studio")))
    assert advice(account, Reason.AUTH) == "Replace the key in /run/secrets/studio; no restart is needed"
