"""Proves that a callback comes from its provider: over its raw bytes, before they are read.

Signatures are compared whole and in constant time, in the one form in which the provider writes
them: decoding them first would take several spellings of one signature for the same. Several
secrets are valid at a time, so that one can be replaced without losing a callback.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

CALLBACK_WINDOW_S: Final = 300
"""A callback signed longer ago, or later from now, is refused (reliability: replay)."""
_SECONDS = re.compile(r"[1-9][0-9]{0,10}")
_EVENT_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_SIGNATURES_MAX = 10


class CallbackForged(Exception):
    """A callback that is not proven to come from the provider."""


class CallbackTooOld(CallbackForged):
    """A callback outside of the window: perhaps somebody sends an old one again."""


class CallbackUnreadable(Exception):
    """A callback that is proven, and says nothing that can be read."""


def verify_standard(
    raw_body: bytes, headers: Mapping[str, str], keys: Sequence[Webhook], now_s: float
) -> str:
    """The id of a callback signed as Standard Webhooks have it. `headers` in lower case.

    Raises CallbackForged, CallbackTooOld.
    """
    event_id = headers.get("webhook-id", "")
    signed_at = headers.get("webhook-timestamp", "")
    if not _EVENT_ID.fullmatch(event_id) or not _SECONDS.fullmatch(signed_at):
        raise CallbackForged("its id or timestamp is missing or malformed")
    moment = datetime.fromtimestamp(int(signed_at), UTC)
    text = _text(raw_body)
    expected = [key.sign(event_id, moment, text) for key in keys]
    given = headers.get("webhook-signature", "").split(" ")
    _compare(given, expected)
    _check_window(int(signed_at), now_s)
    return event_id


def verify_stripe(raw_body: bytes, header: str, secrets: Sequence[str], now_s: float) -> None:
    """Checks a callback signed as Stripe does: `t=SECONDS,v1=HEX`. Raises as above."""
    signed_at = ""
    given = []
    for item in header.split(",")[:_SIGNATURES_MAX]:
        name, _, value = item.partition("=")
        if name == "t":
            signed_at = value
        elif name == "v1":
            given.append(value)
    if not _SECONDS.fullmatch(signed_at):
        raise CallbackForged("its timestamp is missing or malformed")
    signed = f"{signed_at}.{_text(raw_body)}".encode()
    _compare(
        given,
        [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets],
    )
    _check_window(int(signed_at), now_s)


def _text(raw_body: bytes) -> str:
    try:
        return raw_body.decode()
    except UnicodeDecodeError:
        raise CallbackForged("it is not UTF-8") from None


def _compare(given: Sequence[str], expected: Iterable[str]) -> None:
    candidates = [signature.encode() for signature in given[:_SIGNATURES_MAX]]
    for signature in expected:
        for candidate in candidates:
            if hmac.compare_digest(signature.encode(), candidate):
                return
    raise CallbackForged("no signature of it is right")


def _check_window(signed_at_s: int, now_s: float) -> None:
    if abs(now_s - signed_at_s) > CALLBACK_WINDOW_S:
        raise CallbackTooOld(f"it was signed {now_s - signed_at_s:.0f} s ago")
