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


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (Reason.PAYMENT_REQUIRED, "Pay for the account's plan"),
        (Reason.RATE_LIMITED, "raise poll_interval, or set limits.max_requests_per_second"),
        (Reason.CLIENT_ERROR, "Check the account's base_url"),
        (Reason.SERVER_ERROR, "Nothing to do here"),
        (Reason.REDIRECT, "Set base_url to the address"),
        (Reason.TIMEOUT, "raise poll_timeout"),
        (Reason.CONNECTION, "set proxy_url or HTTPS_PROXY"),
        (Reason.TLS, "name its PEM file in ca_file"),
        (Reason.INVALID_RESPONSE, "Check that base_url is the API's address"),
        (Reason.INTERNAL, "Report it with the lines of the log"),
        (Reason.AUTH, "Replace the account's api_key in the configuration"),
    ],
)
def test_each_reason_has_its_own_remedy(reason: Reason, remedy: str) -> None:
    account = Account("a", Secret("sk-1"))
    assert [one for one in Reason if remedy in advice(account, one)] == [reason]


def test_a_rejected_key_from_a_file_names_the_file() -> None:
    account = Account("a", KeyFile(Path("/run/secrets/studio")))
    assert advice(account, Reason.AUTH) == "Replace the key in /run/secrets/studio; no restart is needed"


def test_a_rejected_credential_of_systemd_needs_a_restart() -> None:
    path = "/run/credentials/shortgenius-exporter.service/studio"
    sentence = f"Replace the key that systemd copies to {path}, then restart the service"
    assert advice(Account("a", KeyFile(Path(path))), Reason.AUTH) == sentence


def test_a_rejected_key_from_the_environment_names_the_variable() -> None:
    account = Account("a", Secret("k"), key_variable="STUDIO_KEY")
    sentence = "Replace the key in the environment variable STUDIO_KEY, then restart the exporter"
    assert advice(account, Reason.AUTH) == sentence


def test_a_rejected_key_in_the_configuration_is_replaced_there() -> None:
    sentence = "Replace the account's api_key in the configuration, then reload it (SIGHUP)"
    assert advice(Account("a", Secret("k")), Reason.AUTH) == sentence
