"""What the network libraries raise becomes one of our exceptions.

``requests`` wraps ``urllib3``, which wraps ``http.client``, ``ssl`` and ``socket``: the cause inside tells more.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import urllib3

from shortgenius_exporter.api.errors import (
    ApiError,
    ConnectionFailedError,
    DeadlineError,
    InvalidResponseError,
    TlsError,
)

# The first row that fits any of the causes decides.
_FAILURES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], type[ApiError], str], ...] = (
    (ssl.SSLCertVerificationError, TlsError, "the certificate of {peer} is not valid here: {verify_message}"),
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        ConnectionFailedError,
        "the name of {peer} could not be resolved",
    ),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        ConnectionFailedError,
        "{host} closed the connection inside its answer",
    ),
    (urllib3.exceptions.ProxyError, ConnectionFailedError, "the proxy did not let the request to {host} through"),
    (ConnectionRefusedError, ConnectionFailedError, "{host} refused the connection"),
    ((ConnectionResetError, BrokenPipeError), ConnectionFailedError, "{host} closed the connection"),
    (ssl.SSLError, TlsError, "no TLS connection to {host} could be agreed on"),
    (TimeoutError, DeadlineError, "{host} took too long"),
    (
        (http.client.HTTPException, urllib3.exceptions.DecodeError, urllib3.exceptions.InvalidChunkLength),
        InvalidResponseError,
        "what {host} sent is not valid HTTP",
    ),
    (BaseException, ConnectionFailedError, "the connection to {host} failed"),
)


def error_for_failure(error: Exception, host: str) -> ApiError:
    """The exception for a request to ``host`` that got no complete HTTP answer."""
    found = list(causes(error))
    # Only what went wrong on the way to a proxy is wrapped so.
    peer = "the proxy" if any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in found) else host
    for kinds, raised, message in _FAILURES:
        for cause in found:
            if isinstance(cause, kinds):
                verify_message = getattr(cause, "verify_message", "")
                return raised(message.format(host=host, peer=peer, verify_message=verify_message))
    raise AssertionError("the last row fits everything")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps: by ``raise from``, by urllib3's ``reason``, or as an argument."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
