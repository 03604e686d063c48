"""The returns desk: matches returns with orders, takes units back, and refunds their buyers.

After-sales are not part of the order service yet: the units go back through the engine, the money
through a refund that names them and the parcel that they came in.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from holdfast.commands import Return
from holdfast.demo.callers import for_each
from holdfast.demo.ledger import Account
from holdfast.demo.money import share_minor
from holdfast.demo.plan import PlannedReturn
from holdfast.demo.shop import Shop
from holdfast.demo.warehouse import LOCATION
from holdfast.order.v1 import order_pb2, payment_pb2
from holdfast.types import Disposition, Line


class Piece(NamedTuple):
    """Units of one order in a return; `units_before` of the same SKU of it came back before."""

    account: Account
    return_id: str
    sku: str
    units: int
    units_before: int
    disposition: Disposition


class ReturnsDesk:
    """The returns of a log, and how many units of each have come back so far.

    A return is matched with the buyer's earlier orders in the log's order, over several of them if
    need be; each piece is one command. A return without a buyer matches nothing.
    """

    def __init__(self, planned: Sequence[PlannedReturn], accounts: Iterable[Account]) -> None:
        self._planned = planned
        self._returned: Counter[str] = Counter()
        self._accounts_by_buyer: dict[str, list[Account]] = defaultdict(list)
        for account in accounts:
            if account.order.buyer_id:
                self._accounts_by_buyer[account.order.buyer_id].append(account)

    def take_in(self) -> list[Piece]:
        """The returns that can be made now and were not made before; send every one of them."""
        pieces = []
        taken: Counter[tuple[int, str]] = Counter()
        for planned in self._planned:
            line = planned.line
            missing = line.quantity - self._returned[line.return_id]
            for account in self._accounts_by_buyer.get(line.buyer_id, ()):
                if missing == 0 or account.order.position > line.position:
                    break
                key = (account.order.position, line.sku)
                returnable = account.returnable_units(line.sku)
                units = min(missing, returnable - taken[key])
                if units > 0:
                    before = account.shipped[line.sku] - returnable + taken[key]
                    missing -= units
                    taken[key] += units
                    self._returned[line.return_id] += units
                    pieces.append(
                        Piece(account, line.return_id, line.sku, units, before, planned.disposition)
                    )
        return pieces

    def lines(self) -> int:
        """Return lines of the log."""
        return len(self._planned)

    def matched_lines(self) -> int:
        """Return lines with at least one unit that came back."""
        return sum(units > 0 for units in self._returned.values())

    def returned_units(self) -> int:
        """Units that came back."""
        return self._returned.total()

    def unmatched_units(self) -> int:
        """Units sent back beyond what was shipped; of a line matched in part, the rest."""
        return sum(planned.line.quantity for planned in self._planned) - self.returned_units()


async def take_returns(shop: Shop, desk: ReturnsDesk) -> int:
    """Takes in every return of something shipped by now, and pays it back; gives how many."""
    pieces = desk.take_in()
    shop.progress.enter("Taking returns", len(pieces))

    by_order: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_order[piece.account.order.position].append(piece)

    async def take(of_order: list[Piece]) -> None:
        # One after the other: each sees in which parcels there are units left.
        for piece in of_order:
            await _take_units(shop, piece)
            await _pay_back(shop, piece)
            shop.progress.step()

    await for_each(list(by_order.values()), shop.concurrency, take)
    return len(pieces)


async def _take_units(shop: Shop, piece: Piece) -> None:
    shop.ledger.sends_back(piece.sku, piece.units, piece.disposition)
    lines = (Line(piece.sku, piece.units, LOCATION),)
    command = Return(piece.account.order_id, piece.return_id, lines, piece.disposition)
    await shop.command(piece.account, command)
    shop.ledger.sent_back(piece.account, piece.sku, piece.units, piece.disposition)


async def _pay_back(shop: Shop, piece: Piece) -> None:
    order_id = piece.account.order_id
    order = await shop.orders.get(order_id)
    line = next(line for line in order.lines if line.sku == piece.sku)
    amount_minor = share_minor(line, piece.units_before, piece.units)
    if not amount_minor:
        return  # a refund is of money
    request = payment_pb2.RefundOrderRequest(
        order_id=order_id,
        refund_key=piece.return_id,
        reason=f"{piece.units} x {piece.sku} came back",
        lines=_in_shipments(order, line.line_no, piece.units),
    )
    await shop.command(piece.account, request)
    shop.money.returned(order_id, amount_minor)


def _in_shipments(order: order_pb2.Order, line_no: int, units: int) -> list[payment_pb2.RefundLine]:
    """Units of a line by the parcels that they came in, less what went back of those before."""
    found = []
    for shipment in order.shipments:
        packed = sum(each.quantity for each in shipment.lines if each.line_no == line_no)
        back = sum(
            row.units
            for row in order.refund_rows
            if (row.shipment_id, row.line_no) == (shipment.shipment_id, line_no)
        )
        taken = min(units, packed - back) if shipment.shipped_at_ms else 0
        if taken:
            name = shipment.shipment_id
            found.append(payment_pb2.RefundLine(line_no=line_no, units=taken, shipment_id=name))
            units -= taken
    return found
