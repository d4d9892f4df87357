"""What decoding a file needs besides its nodes."""

from __future__ import annotations

import difflib
import ssl
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shortgenius_exporter.config.problems import Report, file_problem


@dataclass(slots=True)
class Context:
    """``directory``: where relative paths start. What thousands of accounts share is looked at once."""

    report: Report
    directory: Path
    environ: Mapping[str, str]
    _ca_files: dict[Path, str | None] = field(default_factory=dict)
    _timezones: dict[str, str | None] = field(default_factory=dict)

    def ca_file_problem(self, path: Path) -> str | None:
        """Why ``path`` cannot serve to verify servers, ``None`` if it can."""
        if path not in self._ca_files:
            self._ca_files[path] = _load_ca(path)
        return self._ca_files[path]

    def timezone_problem(self, name: str) -> str | None:
        """Why ``name`` is no IANA timezone, ``None`` if it is one."""
        if name not in self._timezones:
            self._timezones[name] = _find_timezone(name)
        return self._timezones[name]


def _load_ca(path: Path) -> str | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----"
    except OSError as error:
        return file_problem(error)
    return None


def _find_timezone(name: str) -> str | None:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        names = {known.lower(): known for known in zoneinfo.available_timezones()}
        near = difflib.get_close_matches(name.lower().replace(" ", "_"), names, n=1, cutoff=0.8)
        advice = f"did you mean {names[near[0]]}?" if near else "use an IANA name such as Europe/Berlin"
        return f"is not a known timezone: {advice}"
    return None
