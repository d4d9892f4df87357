"""Who may ask for what."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shortgenius_exporter.web.config import WebConfig
from shortgenius_exporter.web.passwords import BusyError, Passwords
from shortgenius_exporter.web.routes import HEALTHY, READY, Request, Response
from shortgenius_exporter.web.tls import ClientAuth, alternative_names

OPEN_PATHS = (HEALTHY, READY)
_CHALLENGE = ("www-authenticate", 'Basic realm="shortgenius-exporter", charset="UTF-8"')


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks. ``certificate``: verified, as ``SSLSocket.getpeercert`` gives it; ``None`` without one."""

    address: str
    certificate: Mapping[str, Any] | None = None


class Guard:
    """Client certificates and passwords, as the web configuration wants them."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def refusal(self, config: WebConfig, request: Request, peer: Peer) -> Response | None:
        """What to answer instead of ``request``, ``None`` if it may pass.

        The kubelet has neither certificate nor password: health and readiness, one word each, are for anyone.
        """
        if request.path in OPEN_PATHS:
            return None
        if not _is_certified(config, peer):
            return _refused(403, "This needs a client certificate that the web configuration allows")
        if not config.users:
            return None
        try:
            if await self._knows(config, request, peer):
                return None
        except BusyError:
            return _refused(429, "Too many passwords wait to be checked; try again", ("retry-after", "1"))
        return _refused(401, "This needs a user's name and password", _CHALLENGE)

    async def _knows(self, config: WebConfig, request: Request, peer: Peer) -> bool:
        name, password = _credentials(request.headers.get("authorization", ""))
        if name is None:
            return False
        return await self._passwords.accepts(config.users, name, password, peer.address)


def _refused(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response([[f"{text}\n".encode()]], status, headers=headers)


def _is_certified(config: WebConfig, peer: Peer) -> bool:
    if config.tls is None or config.tls.settings.client_auth is not ClientAuth.REQUIRED:
        return True
    if not peer.certificate:
        return False
    allowed = config.tls.settings.allowed_sans
    return not allowed or not allowed.isdisjoint(alternative_names(peer.certificate))


def _credentials(header: str) -> tuple[str | None, bytes]:
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode() if colon and scheme.lower() == "basic" else None), password
    except (binascii.Error, ValueError):
        return None, b""
