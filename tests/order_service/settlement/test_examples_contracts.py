"""Contracts are versions with dates in force; an order keeps the one it was placed under."""

from functools import partial
from typing import Any

import pytest
from msgspec import structs

from order_service.catalogue import store
from order_service.catalogue.contracts import (
    NO_CONTRACT,
    Contract,
    Period,
    checked_contract,
    following,
    in_force,
    period_end_ms,
)
from order_service.order.refusals import InvalidField
from order_service.storage.database import Database

DAY_MS = 86_400_000
MARCH_1 = 1_772_323_200_000
"""2026-03-01 00:00 UTC."""


def march(day: int, hour: int = 0) -> int:
    """A moment in March 2026, UTC."""
    return MARCH_1 + (day - 1) * DAY_MS + hour * 3_600_000


FIRST = Contract(merchant_id="m", contract_no=1, from_at_ms=march(1), commission_bp=500)
SECOND = structs.replace(FIRST, contract_no=2, from_at_ms=march(5), commission_bp=800)


@pytest.mark.parametrize(
    ("at_ms", "bp"), [(march(1) - 1, 0), (march(1), 500), (march(5) - 1, 500), (march(5), 800)]
)
def test_example_23_the_rate_of_an_order_is_that_in_force_when_it_was_placed(
    at_ms: int, bp: int
) -> None:
    assert in_force({"m": [FIRST, SECOND]}, "m", at_ms).commission_bp == bp


def test_another_merchant_has_no_contract() -> None:
    assert in_force({"m": [FIRST]}, "n", march(9)) == NO_CONTRACT


def test_the_same_contract_again_is_not_another() -> None:
    again = structs.replace(FIRST, contract_no=0, from_at_ms=0)
    assert following([FIRST], again, march(9)) is None
    assert following([FIRST], structs.replace(FIRST, contract_no=0), march(9)) is None


def test_another_contract_follows_from_now_or_a_later_time() -> None:
    wanted = structs.replace(SECOND, contract_no=0, from_at_ms=0)
    made = following([FIRST], wanted, march(9))
    assert made == structs.replace(SECOND, from_at_ms=march(9))
    assert following([FIRST], structs.replace(wanted, from_at_ms=march(12)), march(9))


@pytest.mark.parametrize("from_at_ms", [march(9) - 1, march(1)])
def test_what_was_in_force_stays_so(from_at_ms: int) -> None:
    with pytest.raises(InvalidField, match="or later"):
        following([FIRST], structs.replace(SECOND, from_at_ms=from_at_ms), march(9))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("merchant_id", ""),
        ("merchant_id", "a b"),
        ("commission_bp", -1),
        ("commission_bp", 10_001),
        ("service_fee_bp", 9_501),
        ("coupon_bp", 10_001),
        ("from_at_ms", -1),
        ("zone", "Mars/Olympus"),
        ("zone", ""),
        ("period_days", 7),
        ("payout_min_minor", -1),
    ],
)
def test_each_bound_is_named(field: str, value: Any) -> None:
    with pytest.raises(InvalidField, match=rf"contract\.{field}"):
        checked_contract(structs.replace(FIRST, **{field: value}))


@pytest.mark.parametrize(
    ("period", "days", "zone", "begun", "ends"),
    [
        (Period.DAY, 0, "UTC", march(1), march(2)),
        (Period.DAY, 0, "UTC", march(2) - 1, march(2)),
        (Period.DAY, 0, "Asia/Shanghai", march(1), march(1, 16)),
        (Period.DAY, 0, "Asia/Shanghai", march(1, 16), march(2, 16)),
        (Period.WEEK, 0, "UTC", march(1), march(2)),
        (Period.WEEK, 0, "UTC", march(2), march(9)),
        (Period.MONTH, 0, "UTC", march(1), march(32)),
        (Period.DAYS, 3, "UTC", march(1, 5), march(4)),
        # The clocks go forward in the night to 29 March: the day has 23 hours.
        (Period.DAY, 0, "Europe/Berlin", march(28, 23), march(29, 22)),
    ],
)
def test_a_period_ends_at_a_midnight_of_the_merchants(
    period: Period, days: int, zone: str, begun: int, ends: int
) -> None:
    contract = structs.replace(FIRST, period=period, period_days=days, zone=zone)
    assert period_end_ms(contract, begun) == ends


async def test_a_contract_is_stored_once_and_read_as_it_was_put(database: Database) -> None:
    wanted = Contract(
        merchant_id="m", commission_bp=500, merchant_ships=False, period=Period.DAYS, period_days=7
    )
    put = partial(store.put_contract, tenant="default", wanted=wanted, now_ms=march(1))
    made, replayed = await database.write(put)
    assert (made.contract_no, made.from_at_ms, replayed) == (1, march(1), False)
    assert await database.write(put) == (made, True)
    read = partial(store.list_contracts, tenant="default", merchant_id="", after=("", 0), size=10)
    assert await database.read(read) == [made]
    changes = partial(store.changes_since, tenant="default", version=0)
    assert (await database.read(changes)).contracts == [made]
