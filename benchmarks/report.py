"""What was measured against its goal, as the table of docs/performance.md."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"
_LIBRARIES = ("prometheus-client", "requests", "urllib3", "shortgenius")


@dataclass(frozen=True, slots=True)
class Row:
    """``met``: ``None`` for what only informs."""

    work: str
    goal: str
    measured: str
    met: bool | None = None


def at_most(work: str, measured: float, limit: float, unit: str, detail: str = "") -> Row:
    text = f"{measured:.3g} {unit}".strip() + (f" ({detail})" if detail else "")
    return Row(work, f"≤ {limit:g} {unit}".strip(), text, measured <= limit)


def at_least(work: str, measured: float, limit: float, unit: str, detail: str = "") -> Row:
    text = f"{measured:.4g} {unit}".strip() + (f" ({detail})" if detail else "")
    return Row(work, f"≥ {limit:g} {unit}".strip(), text, measured >= limit)


def table(rows: list[Row]) -> str:
    marks = {True: "yes", False: "**no**", None: ""}
    lines = ["| work | goal | measured | met |", "|---|---|---|---|"]
    lines += [f"| {row.work} | {row.goal} | {row.measured} | {marks[row.met]} |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """What it ran on, with how busy that was: other work on the machine shows in every figure of wall time."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} × {model}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {libraries}. Load average at the end: {load}."
    )


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def write(document: Path, text: str) -> None:
    """Puts ``text`` between the marks in ``document`` and leaves the rest, which people write, as it is."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no lines {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
