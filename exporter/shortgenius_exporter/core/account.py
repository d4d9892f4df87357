"""What the operator configured, checked and complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shortgenius_exporter.core.renewal import Renewal
from shortgenius_exporter.core.secret import Secret

DEFAULT_BASE_URL = "https://shortgenius.com/api/v1"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """An API key kept in a file, re-read when the file changes."""

    path: Path


@dataclass(frozen=True, slots=True)
class Threshold:
    """Below ``credits`` of ``credit_type``, somebody wants to know with ``severity``."""

    credit_type: str
    severity: str
    credits: float


@dataclass(frozen=True, slots=True)
class Account:
    """One configured API key with a name, labels, thresholds and a renewal rule. Durations are seconds.

    ``key_variable``: the environment variable that the key came from, if it did.
    """

    name: str
    key: Secret | KeyFile
    base_url: str = DEFAULT_BASE_URL
    poll_interval: float = 60.0
    poll_timeout: float = 10.0
    stale_after: float = 300.0
    labels: tuple[tuple[str, str], ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    renewal: Renewal | None = None
    proxy_url: Secret | None = None
    ca_file: Path | None = None
    key_variable: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds over all accounts; ``max_requests_per_second`` 0 means none."""

    max_concurrent_polls: int = 32
    max_requests_per_second: float = 0.0
    max_credit_types: int = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration."""

    accounts: tuple[Account, ...]
    limits: Limits = field(default_factory=Limits)
