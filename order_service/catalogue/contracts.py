"""Contracts of merchants: the rates by which their parts of orders are settled. Pure.

A contract is never changed: another one follows it. An order keeps the number of the one that was
in force when it was placed, or 0 for a merchant without one.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct, structs

from order_service.order.fields import check_id, check_whole, shown
from order_service.order.refusals import InvalidField

RATE_BP_MAX: Final = 10_000
CONTRACTS_MAX: Final = 10_000
"""Of a merchant."""
PERIOD_DAYS_MAX: Final = 366
PAYOUT_MIN_MAX: Final = 1_000_000_000
PAYOUT_MIN_MINOR: Final = 100
AT_MS_MAX: Final = 4_000_000_000_000


class Period(StrEnum):
    """How often a merchant has a statement."""

    DAY = "DAY"
    WEEK = "WEEK"
    """From Monday on."""
    MONTH = "MONTH"
    DAYS = "DAYS"
    """A number of days after the one before (T+n)."""


class Contract(Struct, frozen=True, kw_only=True):
    """A merchant's contract. Rates are basis points of what they are taken from, rounded down."""

    merchant_id: str = ""
    contract_no: int = 0
    """Counts from 1 for each merchant; 0 is no contract."""
    from_at_ms: int = 0
    """Orders placed from then on are settled by it, until the next."""
    commission_bp: int = 0
    """Of the merchant's value of the goods."""
    service_fee_bp: int = 0
    """Of what the buyer has paid."""
    coupon_bp: int = 0
    """The platform's share of coupons; the rest is the merchant's own."""
    merchant_ships: bool = True
    """Whether the freight is the merchant's."""
    merchant_collects: bool = False
    """Whether cash on delivery is collected by the merchant, and not by the platform's carrier."""
    period: Period = Period.MONTH
    period_days: int = 0
    """The days of a period of `DAYS`; 0 with any other."""
    zone: str = "UTC"
    """The merchant's time zone: its days end at midnight there."""
    payout_min_minor: int = PAYOUT_MIN_MINOR
    """Less is not paid out: it is carried to the next statement."""


NO_CONTRACT: Final = Contract()
"""Of a merchant without one: all is the merchant's."""

Contracts = Mapping[str, Sequence[Contract]]
"""The contracts of each merchant, in the order of their numbers."""


def in_force(contracts: Contracts, merchant_id: str, at_ms: int) -> Contract:
    """The contract by which an order is settled that is placed at a time."""
    found = [each for each in contracts.get(merchant_id, ()) if each.from_at_ms <= at_ms]
    return found[-1] if found else NO_CONTRACT


def checked_contract(contract: Contract) -> Contract:
    """A contract that can be put. Raises InvalidField."""
    check_id("contract.merchant_id", contract.merchant_id)
    for name in ("commission_bp", "service_fee_bp", "coupon_bp"):
        check_whole(f"contract.{name}", getattr(contract, name), 0, RATE_BP_MAX)
    if contract.commission_bp + contract.service_fee_bp > RATE_BP_MAX:
        problem = f"must leave the merchant something: with the commission at most {RATE_BP_MAX}"
        raise InvalidField("contract.service_fee_bp", problem, contract.service_fee_bp)
    check_whole("contract.from_at_ms", contract.from_at_ms, 0, AT_MS_MAX)
    check_whole("contract.payout_min_minor", contract.payout_min_minor, 0, PAYOUT_MIN_MAX)
    least = 1 if contract.period is Period.DAYS else 0
    check_whole(
        "contract.period_days", contract.period_days, least, PERIOD_DAYS_MAX if least else 0
    )
    try:
        ZoneInfo(contract.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = "must be a time zone, such as Asia/Shanghai"
        raise InvalidField("contract.zone", problem, shown(contract.zone)) from None
    return contract


def following(known: Sequence[Contract], wanted: Contract, now_ms: int) -> Contract | None:
    """The contract to be written behind those that a merchant has; None: the last is the same.

    One of no time is in force from now on. Raises InvalidField for one that would change what was
    in force before, and for one too many.
    """
    last = known[-1] if known else NO_CONTRACT
    if (
        last.contract_no
        and structs.replace(
            wanted, contract_no=last.contract_no, from_at_ms=wanted.from_at_ms or last.from_at_ms
        )
        == last
    ):
        return None
    from_at_ms = wanted.from_at_ms or now_ms
    least_ms = max(now_ms, last.from_at_ms + 1)
    if wanted.from_at_ms and wanted.from_at_ms < least_ms:
        problem = f"must be {least_ms} or later: what was in force stays so"
        raise InvalidField("contract.from_at_ms", problem, wanted.from_at_ms)
    if len(known) >= CONTRACTS_MAX:
        raise InvalidField("contract", f"a merchant has at most {CONTRACTS_MAX:,}", len(known))
    return structs.replace(
        wanted, contract_no=last.contract_no + 1, from_at_ms=max(from_at_ms, last.from_at_ms + 1)
    )


def period_end_ms(contract: Contract, begun_at_ms: int) -> int:
    """The end of the statement period that a time is in: a midnight in the merchant's zone."""
    zone = ZoneInfo(contract.zone)
    day = datetime.fromtimestamp(begun_at_ms / 1_000, UTC).astimezone(zone).date()
    if contract.period is Period.WEEK:
        day += timedelta(days=7 - day.weekday())
    elif contract.period is Period.MONTH:
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        day += timedelta(days=contract.period_days or 1)
    return midnight_ms(day.year, day.month, day.day, zone)


def midnight_ms(year: int, month: int, day: int, zone: ZoneInfo) -> int:
    """The first moment of a day in a zone."""
    return int(datetime(year, month, day, tzinfo=zone).timestamp() * 1_000)
