"""Checks of URLs. No message repeats the URL: it may hold a password."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from shortgenius_exporter.config.problems import RefusedError
from shortgenius_exporter.core.secret import Secret

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[A-Za-z0-9_.-]+)?")


def base_url(text: str) -> str:
    """The URL that ``/credits`` is appended to, without a slash at its end."""
    parts = _split(text)
    if "@" in parts.netloc:
        raise RefusedError("holds a user name or password: the API takes a key only, remove what stands before the @")
    return text.rstrip("/")


def proxy_url(text: str) -> Secret:
    """A proxy's URL is a secret as a whole, for its password."""
    if _split(text).path not in ("", "/"):
        raise RefusedError("holds a path: write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
    return Secret(text)


def _split(text: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]+", text):
        raise RefusedError("holds a space or a character that does not belong in a URL: remove or percent-encode it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise RefusedError("is not a valid URL: check its host and port (1 to 65535)") from None
    if parts.scheme not in ("http", "https"):
        raise RefusedError("must start with https:// or http://")
    if not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise RefusedError("has no valid host and port: write it as https://HOST or https://HOST:PORT")
    if "?" in text or "#" in text:
        raise RefusedError("holds a query or fragment: remove what stands from the ? or # on")
    return parts
