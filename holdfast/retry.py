"""The pause after failures, and when the SDK sends a request again. No clock, no dice."""

from holdfast.errors import HoldfastError

BACKOFF_MS_FIRST = 100
BACKOFF_MS_MAX = 2_000


def backoff(
    failures: int, first: float, longest: float, *, spread: float = 0.0, chance: float = 0.0
) -> float:
    """The pause after this many failures in a row: `first`, doubled each time, at most `longest`.

    `spread` is the part of the pause that is left to `chance`, a random number of [0, 1): clients
    that failed together then do not come back together. The pause has the unit of `first`.
    """
    # The bound holds long before 2^30, and days of failures make no huge number.
    full: float = min(first * 2 ** min(failures - 1, 30), longest)
    return full * (1 - spread + spread * chance)


def backoff_ms(error: HoldfastError, failures: int, jitter: float) -> float:
    """The SDK's pause after this many failures in a row, of which `error` is the last.

    Exponential backoff with full jitter (`jitter` is a random number of [0, 1)), on top of what the
    server asked for with `retry_after_ms`.
    """
    pause_ms = backoff(failures, BACKOFF_MS_FIRST, BACKOFF_MS_MAX, spread=1, chance=jitter)
    return (error.retry_after_ms or 0) + pause_ms


def may_try_again(
    error: HoldfastError, attempts: int, attempts_max: int, wait_ms: float, left_ms: float
) -> bool:
    """Whether a call that was sent `attempts` times may be sent again after `wait_ms`.

    Not when `error` is not retryable, when the attempts are used up, and when the wait would
    outlast the `left_ms` of the call's deadline: then the caller learns at once what went wrong,
    not later that the time is up.
    """
    return error.retryable and attempts < attempts_max and wait_ms < left_ms


def wait_ms_before_next(
    error: HoldfastError, attempt: int, attempts_max: int, left_ms: float, jitter: float
) -> float | None:
    """The wait after attempt number `attempt` (from 1) ended in `error`; None to give up.

    For a call that travels alone: its own failures are all there are.
    """
    wait_ms = backoff_ms(error, attempt, jitter)
    return wait_ms if may_try_again(error, attempt, attempts_max, wait_ms, left_ms) else None
