"""Durations and moments as people write and read them; this machine's clock."""

import re
import time
from datetime import UTC, datetime

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?:[0-9]{1,12}(?:ms|s|m|h|d))+")
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")


def duration_ms(text: str) -> int:
    """The milliseconds of a duration such as `15m`, `90s`, `1h30m`. ValueError if it is none."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"must be a duration such as 90s, 15m or 1h30m; got {text!r}")
    return sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text))


def moment_ms(text: str) -> int:
    """Milliseconds since the Unix epoch, of an ISO 8601 time or of such milliseconds themselves.

    A time without an offset is local. ValueError if it is neither.
    """
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise ValueError(
            "must be an ISO time such as 2030-01-31T18:00 or 2030-01-31T18:00+08:00, or "
            f"milliseconds since 1970; got {text!r}"
        ) from None


def local_iso(at_ms: int) -> str:
    """A moment in local ISO format, to the second; "-" for 0, which means none."""
    if at_ms == 0:
        return "-"
    moment = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone()
    return moment.isoformat(sep=" ", timespec="seconds")


def left_or_ago(at_ms: int, now_ms: int) -> str:
    """How far a moment is from now, in its two greatest units: `12m 30s left`, `2d 3h ago`."""
    seconds = abs(at_ms - now_ms) // 1_000
    units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (parts and name != "d") or name == "s":
            parts.append(f"{count}{name}")
    return f"{' '.join(parts[:2])} {'left' if at_ms > now_ms else 'ago'}"


def now_ms() -> int:
    """Milliseconds since the Unix epoch, by this machine's clock."""
    return time.time_ns() // 1_000_000
