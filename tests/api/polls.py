"""One poll with a real client, and what holds of every one that fails."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import pytest

from shortgenius_exporter.api.client import Client, prepare
from shortgenius_exporter.api.errors import ApiError
from shortgenius_exporter.api.failures import causes
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret

KEY = Secret("sk-very-secret-0001")
BALANCE = Balance({"credits": 217.0})
PATIENT = 10.0
SLACK = 2.0


def account(
    base_url: str, ca_file: Path | None = None, timeout: float = PATIENT, proxy_url: str | None = None
) -> Account:
    """One that asks ``base_url`` with ``KEY``. A password in ``proxy_url`` has to begin with ``sk-``, as keys do."""
    proxy = None if proxy_url is None else Secret(proxy_url)
    return Account("studio", KEY, base_url=base_url, poll_timeout=timeout, ca_file=ca_file, proxy_url=proxy)


def fetch(client: Client, asked: Account) -> Balance:
    return client.fetch(prepare(asked, KEY))


def failure(client: Client, asked: Account) -> ApiError:
    """Of one poll, that ends in time and tells nobody a secret."""
    began = time.monotonic()
    with pytest.raises(ApiError) as raised:
        fetch(client, asked)
    assert time.monotonic() - began < asked.poll_timeout + SLACK
    for error in causes(raised.value):
        assert "sk-" not in "".join(traceback.format_exception(error)) + repr(error)
    return raised.value
