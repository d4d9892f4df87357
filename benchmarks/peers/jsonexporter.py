"""json_exporter, where its binary is given: it opens a connection for each probe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.programs import PATIENCE, Process, Upstream, free_port, get, running

_CONFIG = """\
modules:
  default:
    headers: {{Authorization: Bearer sk-00001}}
    http_client_config: {{tls_config: {{ca_file: {ca_file}}}}}
    metrics:
      - {{name: shortgenius_credits, help: h, path: "{{.balance.credits}}"}}
      - {{name: shortgenius_image_credits, help: h, path: "{{.balance.image_credits}}"}}
      - {{name: shortgenius_animated_video_credits, help: h, path: "{{.balance.animated_video_credits}}"}}
      - {{name: shortgenius_high_quality_video_credits, help: h, path: "{{.balance.high_quality_video_credits}}"}}
"""


class JsonExporter:
    def __init__(self, process: Process, port: int, target: str) -> None:
        self._process = process
        self._port = port
        self._path = f"/probe?module=default&target={target}"

    def cpu_per_probe(self, count: int, rate: float) -> float:
        """CPU seconds of one probe, ``rate`` of them a second."""
        began, started = self._process.cpu_seconds(), time.monotonic()
        for number in range(count):
            get(self._port, self._path)
            time.sleep(max(started + (number + 1) / rate - time.monotonic(), 0))
        return (self._process.cpu_seconds() - began) / count


@contextmanager
def json_exporter(binary: Path, folder: Path, upstream: Upstream) -> Iterator[JsonExporter]:
    config = folder / "json_exporter.yml"
    config.write_text(_CONFIG.format(ca_file=upstream.ca_file))
    port = free_port()
    flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}")
    with running(str(binary), *flags) as process:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                get(port, "/metrics")
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        yield JsonExporter(Process(process.pid), port, f"{upstream.base_url}/credits")
