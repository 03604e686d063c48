"""The pause after failures, and when the SDK sends a request again. No clock, no dice."""

import grpc

from holdfast.errors import HoldfastError, Reason

BACKOFF_MS_FIRST = 100
BACKOFF_MS_MAX = 2_000
LAST_CHANCE_MS = 200
"""The time before its deadline at which a call is sent for the last time, if the pause allows."""
RETRY_TOKENS_MAX = 1_000
RETRY_TOKENS_OF_AN_ANSWER = 0.1


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


class RetryBudget:
    """The requests that a client may send again to a server that answers, but with errors.

    Each costs a token and each answer earns a tenth of one, so that a server in trouble soon gets
    little more than its usual load. A server that is not there or is leaving has no load from us:
    to look for it costs nothing.
    """

    def __init__(self) -> None:
        self._tokens = float(RETRY_TOKENS_MAX)

    def answered(self) -> None:
        """Takes note of a request that the server has answered."""
        self._tokens = min(self._tokens + RETRY_TOKENS_OF_AN_ANSWER, RETRY_TOKENS_MAX)

    def allows(self, error: HoldfastError) -> bool:
        """Whether a request that ended in `error` may be sent again; takes what that costs."""
        not_there = error.reason is None and error.code is grpc.StatusCode.UNAVAILABLE
        if not_there or error.reason is Reason.DRAINING:
            return True
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def backoff_ms(error: HoldfastError, failures: int, left_ms: float, jitter: float) -> float:
    """The SDK's pause after this many failures in a row, of which `error` is the last.

    Exponential backoff with full jitter (`jitter` is a random number of [0, 1)), on top of what the
    server asked for with `retry_after_ms`. It is cut where it would use up the `left_ms` of the
    deadline, so that there is a last chance before it.
    """
    asked_ms = error.retry_after_ms or 0
    pause_ms = backoff(failures, BACKOFF_MS_FIRST, BACKOFF_MS_MAX, spread=1, chance=jitter)
    room_ms = left_ms - asked_ms - LAST_CHANCE_MS
    return asked_ms + (min(pause_ms, room_ms) if room_ms >= LAST_CHANCE_MS else pause_ms)


def may_try_again(
    error: HoldfastError, attempts: int, attempts_max: int | None, wait_ms: float, left_ms: float
) -> bool:
    """Whether a call that was sent `attempts` times may be sent again after `wait_ms`.

    Not when `error` is not retryable, when the attempts are used up (None: they are not bounded),
    and when the wait would outlast the `left_ms` of the call's deadline: then the caller learns at
    once what went wrong, not later that the time is up.
    """
    used_up = attempts_max is not None and attempts >= attempts_max
    return error.retryable and not used_up and wait_ms < left_ms


def wait_ms_before_next(
    error: HoldfastError, attempt: int, attempts_max: int | None, left_ms: float, jitter: float
) -> float | None:
    """The wait after attempt number `attempt` (from 1) ended in `error`; None to give up.

    For a call that travels alone: its own failures are all there are.
    """
    wait_ms = backoff_ms(error, attempt, left_ms, jitter)
    return wait_ms if may_try_again(error, attempt, attempts_max, wait_ms, left_ms) else None
