"""The series of an exposition as labelled metrics of the client library, served by its own server.

``python -m benchmarks.peers.labelled FILE PORT`` reads FILE, an exposition in the text format, and prints a line when
it serves.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from prometheus_client.parser import text_string_to_metric_families


def registry_of(text: str) -> CollectorRegistry:
    """Every family of ours whose samples have labels."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(text):
        labels = list(dict.fromkeys(name for sample in family.samples for name in sample.labels))
        if not labels or family.type not in ("gauge", "counter"):
            continue
        kind = Counter if family.type == "counter" else Gauge
        metric = kind(family.name, family.documentation, labels, registry=registry)
        for sample in family.samples:
            child = metric.labels(**{name: sample.labels.get(name, "") for name in labels})
            child.inc(sample.value)
    return registry


def main(file: str, port: str) -> None:
    start_http_server(int(port), "127.0.0.1", registry_of(Path(file).read_text()))
    print("serving", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
