"""One word a concept: the words that were united, and the one that stands for each now.

A row names a word or phrase that must not come back, as a pattern over the code that people write,
the word to use in its stead, and the files that may still have the old one: the contract, database
columns and stored names of 0.4.0 keep theirs.
"""

import re
from typing import Final, NamedTuple

import pytest

from tests.tidy.sources import ROOT, python_files


class United(NamedTuple):
    """A word that was given up for another."""

    pattern: str
    """A regular expression over a line of code, comment or docstring."""
    instead: str
    """The word to use, and why where that is not plain."""
    except_in: tuple[str, ...] = ()
    """Prefixes of the paths in which the old word is meant, with the reason in a comment."""


_HANDLER: Final = "order_service/relay/handler.py"

UNITED: Final[tuple[United, ...]] = (
    United(
        r"\bmove_parcel\b|orders import parcels",
        "shipment in code: a parcel is for text that a person reads of the thing",
    ),
    United(
        r"_failures_told|_supervisor_told|until_told",
        "the noun that is meant, such as event or report",
    ),
    United(
        r"storage\.batch import .*\bPlac(ed|ing)\b",
        "Recorded and NewOrder: Placed and Placing are of placing/place.py",
    ),
    United(
        r"\bDecide = Callable",
        "Decide of order/draft.py",
        # The one definition.
        ("order_service/order/draft.py",),
    ),
    United(
        r"\.told\b|\btold(:| =|\[)|\b(class Told|def told)\b",
        "the noun that is meant: answered, reported, seen",
    ),
    United(
        r"\b(_?in_parcels|has_left\(parcel|parcel\.(state|lines|shipment_id|shipped_at_ms))\b",
        "shipment in code; parcel where a person reads of the thing",
        # The rooms of others, until their owners have united it, too.
        ("tests/",),
    ),
    United(
        r"is_settled_by_hand\b|settled_by:|settles: bool|wanted\.settled_too|callbacks\.settled",
        "is_paid_back_by_hand, mended_by, mends_itself, closed_too, all_sent: to settle is with "
        "merchants",
    ),
    United(r"\bprovider_callbacks\b", "callbacks, of both sandboxes"),
    United(r"\bat: Stages\b|\bat\.enter\(", "progress: `at` is no progress bar"),
    United(r"\bclass Site\b|\bsites?_of\b", "Origin: a location that an order can come from"),
    United(
        r"\bfollow_parcels\b|\bremind_of_(picks|deliveries)\b", "follow of fulfilment/follow.py"
    ),
    United(
        r"cancel_parcel\b|\bparcel_of\b|\bSandboxParcel\b",
        "shipment in code; parcel where a person reads of the thing",
    ),
    United(
        r"\bsettle_(cash|by_arrival|with_money)\b|incidents import .*\b(un)?settled?\b",
        "judge_cash, close: settle is for the settlement with merchants",
    ),
    United(
        r"RefusalReason\.WRONG_STATE,",
        "wrong_state of order/refusals.py",
        # Its own definition, and a test of how refusals become messages.
        ("order_service/order/refusals.py", "tests/order_service/edge/test_wire.py"),
    ),
    United(r"\b(Doing|Handler) = Callable", "Handler of relay/handler.py", (_HANDLER,)),
    United(r"relay\.attempt import .*\bDone\b", "Concluded, for a task that is done and decided"),
    United(r"\bjson\.loads\(task\.payload\)", "Payload.of(task), or a handler's todo.payload"),
    United(
        r"\b(settle_by_hand|settle_refund|settle_lines)\b",
        "paid_back_by_hand, money_is_back, assign_warehouses: to settle is with merchants",
    ),
    United(
        r"(decisions|facts) import .*\bsettle\b",
        "apply_stock_answer, use_money: to settle is with merchants",
    ),
)


def test_words_that_were_united_stay_united() -> None:
    found = [
        f"{path}:{number}: {row.pattern!r}: use {row.instead}"
        for path in python_files()
        if str(path) != "tests/tidy/test_words.py"
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        for row in UNITED
        if not str(path).startswith(row.except_in) and re.search(row.pattern, line)
    ]
    assert found == []


@pytest.mark.parametrize("row", UNITED, ids=lambda row: row.pattern)
def test_each_exception_is_still_needed(row: United) -> None:
    for prefix in row.except_in:
        texts = [
            (ROOT / path).read_text("utf-8")
            for path in python_files()
            if str(path).startswith(prefix)
        ]
        assert any(re.search(row.pattern, text) for text in texts), prefix
