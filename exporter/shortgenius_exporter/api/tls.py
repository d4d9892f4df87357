"""What certificates of the upstream are verified with."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shortgenius_exporter.api.errors import TlsError
from shortgenius_exporter.api.transport import DeadlineTlsSocket
from shortgenius_exporter.config.stamps import Stamp, stamp


class TlsContexts:
    """Client contexts by CA file, shared by all clients: each holds a whole set of certificates.

    A file that has changed is read again; one that cannot be used any more leaves its last context in use.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[Path, tuple[Stamp, ssl.SSLContext]] = {}

    def get(self, ca_file: Path | None) -> ssl.SSLContext:
        """For ``None``, the authorities that ``requests`` ships. Raises TlsError if there never was a usable file."""
        file = ca_file or Path(DEFAULT_CA_BUNDLE_PATH)
        with self._lock:
            now = stamp(file)
            last = self._contexts.get(file)
            if last is None or last[0] != now:
                last = self._contexts[file] = now, _renewed(file, last)
            return last[1]


def _renewed(file: Path, last: tuple[Stamp, ssl.SSLContext] | None) -> ssl.SSLContext:
    try:
        return _context(file)
    except TlsError:
        if last is None:
            raise
        return last[1]


def _context(file: Path) -> ssl.SSLContext:
    """A verifying client context; neither certificates nor checks can be changed through the environment.

    Raises TlsError if the file holds no certificates or cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=str(file))
    except OSError as error:
        problem = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise TlsError(f"ca_file {file} cannot be used: {problem}") from None
    context.sslsocket_class = DeadlineTlsSocket
    return context
