"""When a merchant has earned its part of an order."""

import random
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from order_service.catalogue.contracts import Contract
from order_service.fulfilment.merchant_parts import put_on_hold
from order_service.order.cases import ENDED, Case, CaseLine, CaseState
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.journals import JournalKind
from order_service.order.model import IncidentKind, Line, Order
from order_service.order.placed import Amounts, SubOrder
from order_service.order.refund_rows import RefundWhat
from order_service.order.states import IncidentEvent, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from order_service.payment.paying_back import PayBack
from order_service.payment.refunds import refund_all
from order_service.settlement.earning_due import (
    DAY_MS,
    EarningRules,
    earned_at_ms,
    open_matters,
    settle_parts,
    window_end_ms,
)
from order_service.settlement.terms import UnknownTerms
from tests.made import made
from tests.order_service.samples import A, incident
from tests.order_service.settlement.running import (
    RATES,
    Books,
    old,
    order_x,
    parcel,
    second_payment,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULES = EarningRules(complete_after_ms=0, return_days=7, zone="Asia/Shanghai")
RECEIVED_MS = 1_772_355_600_000
"""2026-03-01 17:00 in Shanghai."""
ENDS_MS = 1_772_985_600_000
"""2026-03-08 24:00 there."""


def delivered(found: Order | None = None) -> Books:
    """X, paid and received."""
    found = found or order_x()
    books = Books(found)
    books.capture()
    for number in range(len(found.sub_orders)):
        found.add(
            structs.replace(
                parcel(found, number),
                delivered_at_ms=RECEIVED_MS,
                created_at_ms=RECEIVED_MS - 1,
            )
        )
    for line in found.lines:
        line.shipped = line.quantity
    found.state = OrderState.DELIVERED
    return books


def look(books: Books, at_ms: int) -> list[str]:
    """Has something happen to the order at a time."""
    books.now_ms = at_ms - 1
    return books.change(
        lambda draft: settle_parts(draft, RULES, lambda _tenant, _part: books.terms)
    )


def timers(found: Order) -> list[int]:
    """When it is looked at again."""
    return [task.due_at_ms for task in found.tasks if task.kind == TaskKind.EARN]


def test_example_12_a_part_is_earned_at_midnight_after_the_last_day_of_the_window() -> None:
    assert window_end_ms(RECEIVED_MS, 7, SHANGHAI) == ENDS_MS
    books = delivered()
    assert look(books, ENDS_MS - 1) == []
    assert timers(books.order) == [ENDS_MS]
    assert look(books, ENDS_MS) == ["EARNED", "COMMISSION", "SERVICE_FEE"]
    assert books.due == 9_870
    assert look(books, ENDS_MS + 1) == []


def test_example_10_what_is_open_of_a_part_keeps_it_from_being_earned() -> None:
    books = delivered()
    books.change(lambda draft: draft.add(incident(IncidentKind.DAMAGE)))
    assert look(books, ENDS_MS) == []
    assert timers(books.order) == []
    assert books.sums["escrow"] == -10_000

    def close(draft: Draft) -> None:
        draft.move(draft.order.incidents[0], IncidentEvent.ARRIVE)
        settle_parts(draft, RULES, lambda _tenant, _part: books.terms)

    books.now_ms = ENDS_MS + 5
    assert JournalKind.EARNED in books.change(close)


@pytest.mark.parametrize("state", CaseState)
def test_example_10_an_open_case_keeps_the_parts_that_its_units_are_of(state: CaseState) -> None:
    books = delivered(two_merchants())
    lines = (CaseLine(1, "SKU-1", 1),)
    books.order.add(made(Case, random.Random(1), state=state, lines=lines, case_id=f"{A}-c1"))
    kept = list(open_matters(books.order, 0))
    assert kept == ([] if state in ENDED else [f"{A}-c1"])
    assert list(open_matters(books.order, 1)) == []


def two_merchants() -> Order:
    """An order of two merchants."""
    amounts = Amounts(4_800, 0, 300, 500, 0, 5_000)
    line = Line(1, 0, "SKU-1", "A thing", 1, 4_800, 4_500)
    return order_x(
        sub_orders=tuple(SubOrder(f"{A}.{number + 1}", f"m{number}", amounts) for number in (0, 1)),
        lines=[line, structs.replace(line, line_no=2, sub_order_no=1, sku="SKU-2")],
    )


def test_example_28_another_merchants_case_keeps_only_that_merchants_part() -> None:
    books = delivered(two_merchants())
    hold = frozenset({0})
    books.change(lambda draft: put_on_hold(draft, hold, RECEIVED_MS))
    assert look(books, ENDS_MS)[0] == "EARNED"
    assert [part.earned for part in books.order.sub_orders] == [False, True]
    assert books.sums["escrow"] == -5_000


def test_a_part_whose_parcels_are_under_way_is_not_earned() -> None:
    books = delivered(two_merchants())
    books.order.shipments[0].state = ShipmentState.IN_TRANSIT
    books.order.state = OrderState.SHIPPED
    look(books, ENDS_MS)
    assert [part.earned for part in books.order.sub_orders] == [False, True]


def test_nobody_earns_what_is_not_paid() -> None:
    books = delivered()
    books.order.payments[0].captured_minor = 0
    assert earned_at_ms(books.order, 0, RULES, RATES) is None


def test_nobody_earns_what_went_back() -> None:
    books = delivered()

    def back(draft: Draft) -> None:
        paying = PayBack(draft)
        paying.all_units()
        paying.all_freight(10_000)
        paying.send("all", "why")

    books.change(back)
    assert look(books, ENDS_MS) == []
    assert books.sums["escrow"] == 0


def test_a_buyer_who_says_that_all_has_come_does_not_end_the_window() -> None:
    books = delivered()
    week = structs.replace(RULES, complete_after_ms=9 * 86_400_000)
    assert earned_at_ms(books.order, 0, week, RATES) == RECEIVED_MS + 9 * 86_400_000
    books.order.state = OrderState.COMPLETED
    assert earned_at_ms(books.order, 0, week, RATES) == ENDS_MS


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
def test_the_day_is_the_merchants_where_there_is_a_contract(zone: str) -> None:
    contract = Contract(merchant_id="m", contract_no=1, zone=zone)
    books = delivered()
    ends_ms = earned_at_ms(books.order, 0, RULES, contract)
    assert ends_ms == window_end_ms(RECEIVED_MS, 7, ZoneInfo(zone))


def test_a_window_over_the_change_of_clocks_ends_at_midnight() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    received_ms = 1_774_350_000_000  # 2026-03-24 12:00 in Berlin; the clocks go forward on the 29th
    assert window_end_ms(received_ms, 7, berlin) == 1_774_994_400_000  # 2026-04-01 00:00, +2


def test_a_contract_that_is_not_known_here_yet_is_looked_for_again() -> None:
    books = delivered()

    def unknown(_tenant: str, _part: SubOrder) -> Contract:
        raise UnknownTerms

    books.now_ms = ENDS_MS
    books.change(lambda draft: settle_parts(draft, RULES, unknown))
    assert timers(books.order) == [ENDS_MS + 1 + 60_000]
    assert not books.order.sub_orders[0].earned


def test_the_freight_of_what_was_sent_in_vain_is_earned_at_once() -> None:
    books = delivered(two_merchants())
    books.order.shipments[0].state = ShipmentState.CANCELLED
    books.order.lines[0].shipped = 0
    books.order.lines[0].cancelled = 1
    books.refund(1)
    assert look(books, RECEIVED_MS + 1)[0] == "EARNED"
    assert (books.sums["escrow"], books.sums["merchant:m0"]) == (-5_000, -(500 - 3))


def test_of_an_old_order_that_nothing_changes_nobody_earns_before_its_money_is_entered() -> None:
    books = Books()
    books.capture()
    found = old(books.order)
    found.state = OrderState.COMPLETED
    found.lines[0].shipped = 2
    found.add(parcel(found))
    draft = Draft(found, "test", found.updated_at_ms + 90 * DAY_MS, Ids(random.Random(2)))
    settle_parts(draft, EarningRules(), lambda _tenant, _part: RATES)
    assert draft.journals == []


def give_present(draft: Draft) -> None:
    """The buyer gets 500 for no goods."""
    back = PayBack(draft)
    back.other(RefundWhat.GOODWILL, 500)
    back.send("present", "sorry")


def test_of_an_order_cancelled_whole_nobody_earns_the_present_that_was_given() -> None:
    books = Books()
    books.capture()
    books.change(give_present)

    def cancel(draft: Draft) -> None:
        draft.order.state = OrderState.CANCELLED
        refund_all(draft, "cancelled")

    books.change(cancel)

    def settle(draft: Draft) -> None:
        settle_parts(draft, EarningRules(), lambda _tenant, _part: RATES)

    assert books.change(settle) == []
    assert books.held() == {"provider:sandbox": 10_000, "refunding": 10_000}


def test_a_present_is_released_once_also_where_a_late_payment_goes_back() -> None:
    books = Books()
    second_payment(books)
    books.capture()
    books.change(give_present)

    def cancel(draft: Draft) -> None:
        draft.order.state = OrderState.CANCELLED
        refund_all(draft, "cancelled")

    books.change(cancel)
    books.capture(2, 9_000)
    books.capture(2, 20_000)
    assert [str(journal.kind) for journal in books.journals].count("RELEASED") == 1
    assert books.held() == {"provider:sandbox": 30_000, "refunding": 30_000}
