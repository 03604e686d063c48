"""A callback is believed only as it was signed, byte for byte, and only for some minutes."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from order_service.http.signatures import (
    CallbackForged,
    CallbackTooOld,
    verify_standard,
    verify_stripe,
)

NOW_S = 2_000_000_000
BODY = '{"kind":"CAPTURED","payment_id":"1-p1","amount_minor":1100,"name":"李娜"}'.encode()
KEY, FORMER_KEY, OTHER_KEY = (
    Webhook(f"whsec_{'c2VjcmV0' * 3}{each}") for each in ("AAAA", "BBBB", "CCCC")
)
STRIPE_HEADER = "stripe-signature"


def signed(key: Webhook = KEY, at_s: int = NOW_S) -> dict[str, str]:
    """The headers of the body."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at_s),
        "webhook-signature": key.sign("evt_1", moment, BODY.decode()),
    }


def check_standard(body: bytes, headers: Mapping[str, str], now_s: float = NOW_S) -> None:
    verify_standard(body, headers, [KEY, FORMER_KEY], now_s)


def signed_for_stripe(secret: str = "whsec_new", at_s: int = NOW_S) -> dict[str, str]:
    """The header of the body, as Stripe writes it."""
    from stripe import WebhookSignature

    header = WebhookSignature.generate_signature_header(BODY.decode(), secret, at_s)
    return {STRIPE_HEADER: header}


def check_stripe(body: bytes, headers: Mapping[str, str], now_s: float = NOW_S) -> None:
    verify_stripe(body, headers.get(STRIPE_HEADER, ""), ["whsec_new", "whsec_old"], now_s)


BOTH = pytest.mark.parametrize(
    ("check", "headers"),
    [(check_standard, signed()), (check_stripe, signed_for_stripe())],
    ids=["standard", "stripe"],
)
Check = Callable[..., None]


@BOTH
def test_what_was_signed_is_believed(check: Check, headers: dict[str, str]) -> None:
    check(BODY, headers)


@BOTH
def test_every_byte_of_the_body_counts(check: Check, headers: dict[str, str]) -> None:
    for position in range(len(BODY)):
        for changed in {BODY[position] ^ bit for bit in (1, 2, 32, 128)}:
            body = BODY[:position] + bytes([changed]) + BODY[position + 1 :]
            with pytest.raises(CallbackForged):
                check(body, headers)
        with pytest.raises(CallbackForged):
            check(BODY[:position] + BODY[position + 1 :], headers)
    with pytest.raises(CallbackForged):
        check(BODY + b" ", headers)


@BOTH
def test_every_character_of_the_headers_counts(check: Check, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        with pytest.raises(CallbackForged):
            check(BODY, {other: headers[other] for other in headers if other != name})
        for position in range(len(value)):
            for changed in range(32, 127):
                if chr(changed) != value[position]:
                    forged = f"{value[:position]}{chr(changed)}{value[position + 1 :]}"
                    with pytest.raises(CallbackForged):
                        check(BODY, headers | {name: forged})


@BOTH
def test_five_minutes_are_the_window(check: Check, headers: dict[str, str]) -> None:
    check(BODY, headers, NOW_S + 300)
    check(BODY, headers, NOW_S - 300)
    for now_s in (NOW_S + 301, NOW_S - 301):
        with pytest.raises(CallbackTooOld):
            check(BODY, headers, now_s)


def test_former_secrets_are_valid_and_others_are_not() -> None:
    check_standard(BODY, signed(FORMER_KEY))
    check_stripe(BODY, signed_for_stripe("whsec_old"))
    with pytest.raises(CallbackForged):
        check_standard(BODY, signed(OTHER_KEY))
    with pytest.raises(CallbackForged):
        check_stripe(BODY, signed_for_stripe("whsec_other"))


def test_one_right_signature_of_several_is_enough() -> None:
    headers = signed()
    right = headers["webhook-signature"]
    wrong = signed(OTHER_KEY)["webhook-signature"]
    check_standard(BODY, headers | {"webhook-signature": f"{wrong} v2,x {right}"})
