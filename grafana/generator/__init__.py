"""Writes the dashboards: ``python -m grafana.generator``.

One module per dashboard (``credits``, ``account``, ``exporter``), built with Grafana's own typed builders
from shared pieces: ``queries`` (PromQL), ``panels``, ``tables``, ``variables``, ``links``. ``normalise`` mends
what the builders leave wrong, ``variants`` derives the files for grafana.com.
"""
