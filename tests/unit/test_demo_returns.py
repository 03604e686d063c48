"""The orders that the returns of a log belong to."""

from holdfast.demo.ledger import Ledger
from holdfast.demo.order_log import Order, OrderedLine, ReturnLine
from holdfast.demo.plan import PlannedReturn
from holdfast.demo.returns import Piece, ReturnsDesk
from holdfast.types import Disposition

RESELLABLE = Disposition.RESELLABLE


def shipped_ledger(*buyers: str) -> Ledger:
    """Orders of 3 units of A, from place 0 of the log on, all of them shipped."""
    orders = [
        Order(position, f"o{position}", buyer, (OrderedLine("A", 3, 100),))
        for position, buyer in enumerate(buyers)
    ]
    ledger = Ledger({"A": 100}, orders)
    for account in ledger.accounts:
        ledger.places(account, lapses=False)
        ledger.reserved(account, f"id-{account.order.number}")
        ledger.sold(account)
        ledger.shipped(account, account.units)
    return ledger


def desk_of(ledger: Ledger, *lines: ReturnLine) -> ReturnsDesk:
    return ReturnsDesk([PlannedReturn(line, RESELLABLE) for line in lines], ledger.accounts)


def take(ledger: Ledger, pieces: list[Piece]) -> list[tuple[str, str, int, int]]:
    for piece in pieces:
        ledger.sends_back(piece.sku, piece.units, piece.disposition)
        ledger.sent_back(piece.account, piece.sku, piece.units, piece.disposition)
    return [
        (piece.return_id, piece.account.order.number, piece.units_before, piece.units)
        for piece in pieces
    ]


def test_a_return_is_taken_from_several_earlier_orders_of_its_buyer() -> None:
    ledger = shipped_ledger("b", "b", "other", "b")
    desk = desk_of(
        ledger,
        ReturnLine(2, "r1", "b", "A", 5),
        ReturnLine(2, "r2", "b", "A", 4),
        ReturnLine(9, "r3", "b", "A", 1),
        ReturnLine(9, "r4", "b", "B", 1),
        ReturnLine(9, "r5", "", "A", 1),
    )
    assert take(ledger, desk.take_in()) == [
        ("r1", "o0", 0, 3),
        ("r1", "o1", 0, 2),
        ("r2", "o1", 2, 1),
        ("r3", "o3", 0, 1),
    ]
    assert (desk.lines(), desk.matched_lines(), desk.returned_units()) == (5, 3, 7)
    assert desk.unmatched_units() == 5
    assert desk.take_in() == []


def test_a_return_is_taken_once_there_is_something_shipped() -> None:
    ledger = shipped_ledger("b")
    (account,) = ledger.accounts
    account.shipped.clear()
    desk = desk_of(ledger, ReturnLine(9, "r", "b", "A", 2))
    assert desk.take_in() == []
    ledger.shipped(account, account.units)
    assert take(ledger, desk.take_in()) == [("r", "o0", 0, 2)]


def test_units_that_came_back_before_are_told() -> None:
    ledger = shipped_ledger("b")
    first = desk_of(ledger, ReturnLine(9, "r1", "b", "A", 2))
    take(ledger, first.take_in())
    second = desk_of(ledger, ReturnLine(9, "r2", "b", "A", 2))
    assert take(ledger, second.take_in()) == [("r2", "o0", 2, 1)]
