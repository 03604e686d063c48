"""When the SDK sends a request again, and how long it waits before that. No clock, no dice."""

from holdfast.errors import HoldfastError

BACKOFF_MS_FIRST = 100
BACKOFF_MS_MAX = 2_000


def wait_ms_before_next(
    error: HoldfastError, attempt: int, attempts_max: int, left_ms: float, jitter: float
) -> float | None:
    """How long to wait after attempt number `attempt` (from 1) ended in `error`; None to give up.

    Exponential backoff with full jitter (`jitter` is a random number of [0, 1)), on top of what the
    server asked for with `retry_after_ms`. Gives up when `error` is not retryable, when the
    attempts are used up, and when the wait would outlast the `left_ms` of the call's deadline:
    then the caller learns at once what went wrong, not later that the time is up.
    """
    if not error.retryable or attempt >= attempts_max:
        return None
    backoff_ms_max = min(BACKOFF_MS_FIRST * 2 ** (attempt - 1), BACKOFF_MS_MAX)
    wait_ms = (error.retry_after_ms or 0) + jitter * backoff_ms_max
    return wait_ms if wait_ms < left_ms else None
