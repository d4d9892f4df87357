from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from shortgenius_exporter.api.client import Client
from shortgenius_exporter.api.tls import TlsContexts


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def client() -> Iterator[Client]:
    with closing(Client(TlsContexts())) as client:
        yield client
