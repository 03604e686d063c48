"""When the SDK sends a request again, and how long it waits before that. No clock, no dice."""

from holdfast.errors import HoldfastError

BACKOFF_MS_FIRST = 100
BACKOFF_MS_MAX = 2_000


def backoff_ms(error: HoldfastError, failures: int, jitter: float) -> float:
    """How long to be quiet after so many failures in a row, of which `error` is the last.

    Exponential backoff with full jitter (`jitter` is a random number of [0, 1)), on top of what the
    server asked for with `retry_after_ms`.
    """
    # Beyond 2^10 the bound holds anyway; a server that is away for a day makes no huge numbers.
    backoff_ms_max: int = min(BACKOFF_MS_FIRST * 2 ** min(failures - 1, 10), BACKOFF_MS_MAX)
    return (error.retry_after_ms or 0) + jitter * backoff_ms_max


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
    """How long to wait after attempt number `attempt` (from 1) ended in `error`; None to give up.

    For a call that travels alone: its own failures are all there are.
    """
    wait_ms = backoff_ms(error, attempt, jitter)
    return wait_ms if may_try_again(error, attempt, attempts_max, wait_ms, left_ms) else None
