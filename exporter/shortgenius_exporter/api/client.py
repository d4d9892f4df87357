"""``GET {base_url}/credits`` with one key: a balance or an exception, within the account's ``poll_timeout``."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection

from shortgenius_exporter.api.decode import decode_balance
from shortgenius_exporter.api.errors import ApiError, DeadlineError, InvalidResponseError, error_for_status
from shortgenius_exporter.api.exchange import Answer, exchange
from shortgenius_exporter.api.failures import causes, error_for_failure
from shortgenius_exporter.api.retry_after import parse_retry_after
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.api.transport import Deadline, DeadlineAdapter
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
_DIRECT: Mapping[str, str] = MappingProxyType({})
_DEFAULT_PORTS = {"http": 80, "https": 443}

Route = tuple[str, Path | None, Secret | None]


@dataclass(frozen=True, slots=True)
class BalanceRequest:
    """All that is constant for one account and key: made once, sent at every poll.

    ``around_key``: the bytes of ``message`` before the key and those after it. Accounts of one upstream have the same
    ones, so they share them and save memory. ``proxies``: by scheme, as ``requests`` takes them.
    """

    account: Account
    key: Secret
    around_key: tuple[bytes, bytes]
    proxies: Mapping[str, str] = field(repr=False)

    @property
    def timeout(self) -> float:
        return self.account.poll_timeout

    @property
    def message(self) -> bytes:
        """The request as it goes to the upstream itself."""
        before, after = self.around_key
        return before + self.key.reveal().encode("latin-1") + after

    @property
    def route(self) -> Route:
        """Requests of the same route may follow each other on one connection."""
        return self.account.base_url, self.account.ca_file, self.account.proxy_url

    @property
    def prepared(self) -> requests.PreparedRequest:
        """The same request for ``requests``, which opens connections: seldom needed and large, so made when asked."""
        return _prepared(self.account, self.key)


def prepare(account: Account, key: Secret) -> BalanceRequest:
    """The request for ``account``. Without a ``proxy_url``, HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide."""
    prepared = _prepared(account, key)
    before, bearer, rest = _message(prepared).partition(b"Authorization: Bearer ")
    around_key = before + bearer, rest.removeprefix(key.reveal().encode("latin-1"))
    return BalanceRequest(account, key, _shared(around_key), _proxies(account, str(prepared.url)))


@lru_cache(maxsize=256)
def _shared(parts: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The first of all equal values: the cache returns it for each later one, which is then freed."""
    return parts


def _prepared(account: Account, key: Secret) -> requests.PreparedRequest:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {key.reveal()}",
        "User-Agent": f"shortgenius-exporter/{_version()}",
    }
    return requests.Request("GET", account.base_url.rstrip("/") + "/credits", headers=headers).prepare()


@cache
def _version() -> str:
    return version("shortgenius-exporter")


def _message(prepared: requests.PreparedRequest) -> bytes:
    parts = urlsplit(str(prepared.url))
    host = parts.netloc.removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")
    headers = {"Host": host, **prepared.headers}
    lines = [f"GET {prepared.path_url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def _proxies(account: Account, url: str) -> Mapping[str, str]:
    if account.proxy_url is None:
        return get_environ_proxies(url, no_proxy=None) or _DIRECT
    proxy = account.proxy_url.reveal()
    return {"http": proxy, "https": proxy}


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
        self._open: dict[Route, HTTPConnection] = {}

    def fetch(self, request: BalanceRequest) -> Balance:
        """Asks for the balance now. Raises ApiError; never any other exception for what a network can do."""
        self._deadline.start(request.timeout)
        try:
            answer = self._ask_again(request) or self._ask(request)
        except _TRANSPORT_ERRORS as error:
            raise self._translated(error, request) from None
        if answer.status != http.HTTPStatus.OK:
            raise error_for_status(answer.status, parse_retry_after(answer.retry_after, self._wall()))
        if len(answer.body) > MAX_BODY_BYTES:
            raise InvalidResponseError(f"the answer is larger than {MAX_BODY_BYTES // 1024} KiB")
        return decode_balance(answer.body)

    def close(self) -> None:
        """Closes every connection."""
        for adapter in self._adapters.values():
            adapter.close()

    def _ask_again(self, request: BalanceRequest) -> Answer | None:
        """The answer over a connection that is still open; ``None`` if none is, and ``_ask`` has to open one."""
        connection = self._open.get(request.route)
        # Whatever came while nothing was asked, a goodbye or an answer to nobody, is not the answer to this.
        if connection is None or not connection.is_connected:
            return None
        answer = None
        try:
            answer = exchange(connection.sock, request.message, self._deadline, MAX_BODY_BYTES)
        except (ConnectionResetError, BrokenPipeError):
            # A server may close an idle connection at the moment it is used again (RFC 9112, section 9.3.1).
            return None
        finally:
            if answer is None or not answer.reusable:
                connection.close()
        return answer

    def _ask(self, request: BalanceRequest) -> Answer:
        """The answer over a new connection or through a proxy, by ``requests``; the connection is kept for the next."""
        adapter = self._adapter(request.account.ca_file)
        answer = _send_once_more_if_stale(adapter, request)
        if adapter.used is not None and adapter.used.proxy is None:
            self._open[request.route] = adapter.used
        return answer

    def _adapter(self, ca_file: Path | None) -> DeadlineAdapter:
        context = self._contexts.get(ca_file)
        adapter = self._adapters.get(ca_file)
        if adapter is None or adapter.context is not context:
            if adapter is not None:
                adapter.close()
            adapter = self._adapters[ca_file] = DeadlineAdapter(self._deadline, context, _MAX_HOSTS)
        return adapter

    def _translated(self, error: Exception, request: BalanceRequest) -> ApiError:
        if self._deadline.passed():
            return DeadlineError(f"no complete answer within {request.timeout:g} s")
        return error_for_failure(error, urlsplit(request.account.base_url).netloc)


def _send_once_more_if_stale(adapter: DeadlineAdapter, request: BalanceRequest) -> Answer:
    adapter.connected = False
    try:
        return _send(adapter, request)
    except requests.ConnectionError as error:
        # A server may close an idle connection at the very moment it is used again (RFC 9112, section 9.3.1).
        stale = any(isinstance(cause, ConnectionResetError | BrokenPipeError) for cause in causes(error))
        if adapter.connected or not stale:
            raise
    return _send(adapter, request)


def _send(adapter: DeadlineAdapter, request: BalanceRequest) -> Answer:
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
    return Answer(response.status_code, response.headers.get("Retry-After"), body, reusable=True)
