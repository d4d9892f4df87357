"""The key of an account at this moment: given, or read again when its file changes."""

from __future__ import annotations

from shortgenius_exporter.config import KeyFileError, read_key
from shortgenius_exporter.config.stamps import Stamp, stamp
from shortgenius_exporter.core.account import KeyFile
from shortgenius_exporter.core.secret import Secret

_NEVER_READ = (-1, -1, -1)


class CurrentKey:
    """Follows one account's key. A file that becomes unreadable leaves the last key in use; ``problem`` says why."""

    __slots__ = ("_key", "_source", "_stamp", "problem")

    def __init__(self, key: Secret | KeyFile) -> None:
        self._source = key
        self._key = key if isinstance(key, Secret) else None
        self._stamp: Stamp = _NEVER_READ
        self.problem: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there ever was a key to use."""
        return self._key is not None

    def has_changed(self) -> bool:
        """Whether the file is another than the one last read; costs one ``stat``."""
        return isinstance(self._source, KeyFile) and stamp(self._source.path) != self._stamp

    def get(self) -> Secret | None:
        """The key to use now; ``None`` if there never was a readable one."""
        if isinstance(self._source, KeyFile) and self.has_changed():
            self._read(self._source)
        return self._key

    def _read(self, source: KeyFile) -> None:
        self._stamp = stamp(source.path)
        try:
            self._key = read_key(source.path)
            self.problem = None
        except KeyFileError as error:
            self.problem = str(error)
