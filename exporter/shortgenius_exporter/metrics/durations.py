"""How long polls took, over all accounts."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Durations:
    """A cumulative histogram without labels; the caller sees to it that one thread at a time observes."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def family(self) -> HistogramMetricFamily:
        bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
        return HistogramMetricFamily(
            "shortgenius_api_request_duration_seconds",
            "How long polls took, over all accounts.",
            buckets=list(zip(bounds, accumulate(self._counts), strict=True)),
            sum_value=self._sum,
        )
