"""Latencies as an HDR histogram: microseconds to a minute, to three digits."""

from collections.abc import Iterable
from typing import NamedTuple

from hdrh.histogram import HdrHistogram

_US_MAX = 60_000_000
_DIGITS = 3


class Percentiles(NamedTuple):
    """How long calls took, in milliseconds."""

    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


def percentiles(latencies_s: Iterable[float]) -> Percentiles:
    """The percentiles of latencies in seconds; what took more than a minute counts as a minute."""
    histogram = HdrHistogram(1, _US_MAX, _DIGITS)
    for latency_s in latencies_s:
        histogram.record_value(min(max(round(latency_s * 1e6), 1), _US_MAX))
    found_us = histogram.get_percentile_to_value_dict([50, 99, 99.9, 100])
    return Percentiles(*(found_us[share] / 1000 for share in (50, 99, 99.9, 100)))
