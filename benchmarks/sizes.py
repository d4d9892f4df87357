"""``python -m benchmarks.sizes [COUNT ...]``: where one process ends; writes the table of docs/deploy/how-big.md."""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import accounts, report
from benchmarks.programs import Exporter, exporter, get, upstream

_DOCUMENT = Path("docs/deploy/how-big.md")
_COUNTS = (10, 1_000, 10_000, 20_000, 40_000, 80_000)
_INTERVAL = 60.0
_LATENCY = 0.2
_SCRAPE_INTERVAL = 15.0
_LAST_SUCCESS = re.compile(rb"^shortgenius_last_success_timestamp_seconds\{.*\} (\S+)$", re.MULTILINE)
_HEAD = (
    "| accounts | memory | CPU | scrape takes, median and worst | oldest balance | reload | first `/metrics` |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """``oldest``: seconds since the poll that was longest ago."""

    took: float
    oldest: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=_COUNTS, metavar="COUNT")
    rows = [_HEAD]
    for count in parser.parse_args().counts:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Path(folder), count))
        print(rows[-1], flush=True)
    text = "\n".join([report.machine(), "", *rows])
    report.write(_DOCUMENT, text)


def measured(folder: Path, count: int) -> str:
    """One row: ``count`` accounts polled every minute over HTTPS for two minutes, after all have been polled once."""
    workers = max(32, round(1.5 * _LATENCY * count / _INTERVAL))
    with upstream(folder, latency=_LATENCY) as api:
        config = accounts.write(folder / "accounts.yml", api, count, workers=workers)
        with exporter(config, "--state.file", str(folder / "state"), "--web.enable-lifecycle") as process:
            process.get("/-/healthy")
            ready = time.monotonic() - process.started
            while api.stats()["requests"] < count:
                time.sleep(0.1)
            cpu, began = process.process.cpu_seconds(), time.monotonic()
            seen = list(_scrapes(process, began + 2 * _INTERVAL))
            cpu, memory = process.process.cpu_seconds() - cpu, process.process.peak_memory_mb()
            share = 100 * cpu / (time.monotonic() - began)
            accounts.write(config, api, count, workers=workers, changed=0)
            reload = get(process.port, "/-/reload", method="POST")[1]
    took = [one.took for one in seen]
    return (
        f"| {count:,} | {memory:.0f} MB | {share:.1f} % of a core | {statistics.median(took) * 1000:.0f} to "
        f"{max(took) * 1000:.0f} ms | {max(one.oldest for one in seen):.1f} s | {reload:.2f} s | {ready:.1f} s |"
    )


def _scrapes(process: Exporter, end: float) -> Iterator[Scrape]:
    """As Prometheus does: compressed, every 15 seconds."""
    while time.monotonic() < end:
        began = time.monotonic()
        body, took = get(process.port, "/metrics", Accept_Encoding="gzip")
        now = time.time()
        yield Scrape(took, now - min(map(float, _LAST_SUCCESS.findall(gzip.decompress(body)))))
        time.sleep(max(0.0, _SCRAPE_INTERVAL - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
