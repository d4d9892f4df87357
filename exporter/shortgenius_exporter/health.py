"""Asks a running exporter whether it works, for container engines: no curl is needed, and little is imported."""

from __future__ import annotations

import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

_PATIENCE = 4.0


def health(url: str) -> int:
    """0 if ``url`` answers 200; else 1, with the reason on standard error.

    As with the kubelet's probes, the certificate of an https URL is not checked: it seldom names localhost, and
    nothing secret is sent.
    """
    try:
        status, body = _ask(url)
    except ConnectionRefusedError:
        print(f"{url}: nobody listens there: start the exporter, or name where it listens with --url", file=sys.stderr)
        return 1
    # ValueError: of a host name or an address that is none.
    except (OSError, HTTPException, ValueError) as error:
        print(f"{url}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    if status != 200:  # noqa: PLR2004
        print(f"{url}: {status}: {body.strip()}", file=sys.stderr)
        return 1
    return 0


def _ask(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
        response = connection.getresponse()
        return response.status, response.read(1024).decode(errors="replace")
    finally:
        connection.close()


def _connection(scheme: str, netloc: str) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(netloc, timeout=_PATIENCE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(netloc, timeout=_PATIENCE, context=context)
