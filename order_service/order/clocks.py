"""Times that others report, held against our own."""


def believed_ms(reported_ms: int, not_before_ms: int, now_ms: int) -> int:
    """The time of a foreign clock where our own times allow it; else now, when it is heard of.

    A clock that stands still, runs ahead or counts in other units so moves nothing back or forward.
    """
    return reported_ms if not_before_ms <= reported_ms <= now_ms else now_ms
