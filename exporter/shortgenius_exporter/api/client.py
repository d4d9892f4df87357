"""``GET {base_url}/credits`` with one key: a balance or an exception, within the account's ``poll_timeout``."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

from shortgenius_exporter.api.decode import decode_balance
from shortgenius_exporter.api.errors import ApiError, DeadlineError, InvalidResponseError, error_for_status
from shortgenius_exporter.api.failures import causes, error_for_failure
from shortgenius_exporter.api.retry_after import parse_retry_after
from shortgenius_exporter.api.transport import Deadline, DeadlineAdapter, tls_context
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret

MAX_BODY_BYTES = 64 * 1024
_MAX_HOSTS = 64
_TRANSPORT_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)


@dataclass(frozen=True, slots=True)
class BalanceRequest:
    """All that is constant for one account and key: made once, sent at every poll."""

    prepared: requests.PreparedRequest
    timeout: float
    ca_file: Path | None
    proxies: dict[str, str] = field(repr=False)


def prepare(account: Account, key: Secret) -> BalanceRequest:
    """The request for ``account``. Without a ``proxy_url``, HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide."""
    url = account.base_url.rstrip("/") + "/credits"
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {key.reveal()}",
        "User-Agent": f"shortgenius-exporter/{version('shortgenius-exporter')}",
    }
    prepared = requests.Request("GET", url, headers=headers).prepare()
    return BalanceRequest(prepared, account.poll_timeout, account.ca_file, _proxies(account, url))


def _proxies(account: Account, url: str) -> dict[str, str]:
    if account.proxy_url is None:
        return dict(get_environ_proxies(url, no_proxy=None))
    proxy = account.proxy_url.reveal()
    return {"http": proxy, "https": proxy}


class TlsContexts:
    """Client contexts by CA file, shared by all clients: each holds a whole set of certificates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[Path | None, ssl.SSLContext] = {}

    def get(self, ca_file: Path | None) -> ssl.SSLContext:
        with self._lock:
            if ca_file not in self._contexts:
                self._contexts[ca_file] = tls_context(ca_file)
            return self._contexts[ca_file]


class Client:
    """Sends requests one at a time over connections that it keeps; not to be shared between threads."""

    def __init__(
        self,
        contexts: TlsContexts,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._contexts = contexts
        self._deadline = Deadline(monotonic)
        self._wall = wall
        self._adapters: dict[Path | None, DeadlineAdapter] = {}

    def fetch(self, request: BalanceRequest) -> Balance:
        """Asks for the balance now. Raises ApiError; never any other exception for what a network can do."""
        self._deadline.start(request.timeout)
        try:
            adapter = self._adapter(request.ca_file)
            status, retry_after, body = _send_once_more_if_stale(adapter, request)
        except _TRANSPORT_ERRORS as error:
            raise self._translated(error, request) from None
        if status != http.HTTPStatus.OK:
            raise error_for_status(status, parse_retry_after(retry_after, self._wall()))
        if len(body) > MAX_BODY_BYTES:
            raise InvalidResponseError(f"the answer is larger than {MAX_BODY_BYTES // 1024} KiB")
        return decode_balance(body)

    def close(self) -> None:
        for adapter in self._adapters.values():
            adapter.close()

    def _adapter(self, ca_file: Path | None) -> DeadlineAdapter:
        adapter = self._adapters.get(ca_file)
        if adapter is None:
            adapter = DeadlineAdapter(self._deadline, self._contexts.get(ca_file), _MAX_HOSTS)
            self._adapters[ca_file] = adapter
        return adapter

    def _translated(self, error: Exception, request: BalanceRequest) -> ApiError:
        if self._deadline.passed():
            return DeadlineError(f"no complete answer within {request.timeout:g} s")
        return error_for_failure(error, urlsplit(str(request.prepared.url)).netloc)


def _send_once_more_if_stale(adapter: DeadlineAdapter, request: BalanceRequest) -> tuple[int, str | None, bytes]:
    adapter.connected = False
    try:
        return _send(adapter, request)
    except requests.ConnectionError as error:
        # A server may close an idle connection at the very moment it is used again (RFC 9112, section 9.3.1).
        stale = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes(error))
        if adapter.connected or not stale:
            raise
    return _send(adapter, request)


def _send(adapter: DeadlineAdapter, request: BalanceRequest) -> tuple[int, str | None, bytes]:
    response = adapter.send(request.prepared, stream=True, timeout=request.timeout, proxies=request.proxies)
    if response.status_code < http.HTTPStatus.OK:
        # http.client passes over interim answers of status 100 alone: after another the real answer is still to come,
        # and would be taken for that to the next account's request.
        response.raw.close()
    try:
        body = response.raw.read(MAX_BODY_BYTES + 1, decode_content=True)
    except BaseException:
        response.raw.close()
        raise
    if len(body) > MAX_BODY_BYTES:
        response.raw.close()
    response.raw.release_conn()
    return response.status_code, response.headers.get("Retry-After"), body
