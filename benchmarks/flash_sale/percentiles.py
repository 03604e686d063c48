"""Response times with decimals in Locust, which by itself rounds them to whole milliseconds.

Locust keeps a count for each rounded time. Its own rounding cannot tell 0.4 ms from 0.6 ms; this
one keeps three significant digits, at the finest 0.01 ms, so that what it stores stays bounded: at
most 3,700 different times up to 10 s, and a percentile is off by 0.5 % at most from 1 ms on.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

DIGITS_BELOW_MS = ((10, 2), (100, 1), (1_000, 0), (10_000, -1))
"""Times below so many milliseconds keep so many decimals; longer ones are rounded to 100 ms."""
DIGITS_OF_LONG = -2


def bucket_response_time(response_time_ms: float) -> float:
    """The rounded time under which Locust counts a response."""
    for below_ms, digits in DIGITS_BELOW_MS:
        if response_time_ms < below_ms:
            return round(response_time_ms, digits)
    return round(response_time_ms, DIGITS_OF_LONG)


def install(stats: ModuleType) -> None:
    """Puts decimals into `locust.stats`: what it counts, its console, its CSV and its web page."""
    entry, csv = stats.StatsEntry, stats.StatsCSV
    to_dict = entry.to_dict

    def to_dict_with_decimals(self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        times_ms = {
            "min_response_time": round(self.min_response_time or 0, 2),
            "max_response_time": round(self.max_response_time, 2),
        }
        return {**to_dict(self, *arguments, **named), **times_ms}

    def console_row(self: Any, current: bool = True) -> str:
        name_width = stats.STATS_NAME_WIDTH - stats.STATS_TYPE_WIDTH + 4
        per_s = (
            (self.current_rps, self.current_fail_per_sec)
            if current
            else (self.total_rps, self.total_fail_per_sec)
        )
        return console_row_of(self, stats.STATS_TYPE_WIDTH, name_width, per_s)

    def percentile_row(self: Any) -> str:
        times_ms = [self.get_response_time_percentile(p) for p in stats.PERCENTILES_TO_REPORT]
        return percentile_row_of(self, stats.STATS_TYPE_WIDTH, stats.STATS_NAME_WIDTH, times_ms)

    def csv_fields(self: Any, stats_entry: Any, use_current: bool = False) -> list[Any]:
        if not stats_entry.num_requests:
            return list(self.percentiles_na)
        current = use_current and stats_entry.use_response_times_cache
        of_entry = (
            stats_entry.get_current_response_time_percentile
            if current
            else stats_entry.get_response_time_percentile
        )
        return [of_entry(percentile) or 0 for percentile in self.percentiles_to_report]

    replaced: Mapping[tuple[Any, str], Any] = {
        (stats, "bucket_response_time"): bucket_response_time,
        (entry, "to_dict"): to_dict_with_decimals,
        (entry, "to_string"): console_row,
        (entry, "percentile"): percentile_row,
        (csv, "_percentile_fields"): csv_fields,
    }
    for (owner, name), replacement in replaced.items():
        getattr(owner, name)  # fails where another Locust has none of it, rather than do nothing
        setattr(owner, name, replacement)


def console_row_of(entry: Any, type_width: int, name_width: int, per_s: tuple[float, float]) -> str:
    """A row of Locust's console table, in its widths; `per_s` are requests and failures."""
    times_ms = (
        entry.avg_response_time,
        entry.min_response_time or 0,
        entry.max_response_time,
        entry.median_response_time or 0,
    )
    failures = f"{entry.num_failures}({entry.fail_ratio:.2%})"
    return (
        f"{entry.method or '':<{type_width}} {entry.name:<{name_width}} "
        f"{entry.num_requests:7d} {failures:>12} |"
        + "{:7.2f} {:7.2f} {:7.2f}{:7.2f} | ".format(*times_ms)
        + f"{per_s[0]:7.2f} {per_s[1]:11.2f}"
    )


def percentile_row_of(
    entry: Any, type_width: int, name_width: int, times_ms: Sequence[float]
) -> str:
    """A row of Locust's table of percentiles, in its widths."""
    first, *others = times_ms
    times = " ".join(f"{time_ms:6g}" for time_ms in others)
    return (
        f"{entry.method or '':<{type_width}} {entry.name:<{name_width}} "
        f"{first:8g} {times} {entry.num_requests:6d}"
    )
