"""A refund in the making: its rows, which are counted with their lines, and then its money. Pure.

Every refund of the service is made here, so that no money goes back without saying what for. A row
is counted as it is added, so the next sees the line as it will be.
"""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.lines import Line
from order_service.order.machines import REFUND
from order_service.order.model import CASH_ON_DELIVERY, Order, Payment, Refund, Shipment
from order_service.order.refund_amounts import (
    adjusted_with,
    kept_units,
    left_minor,
    lowered,
    price_of,
    spread,
)
from order_service.order.refund_rows import RefundRow, RefundWhat
from order_service.order.states import PaymentState, RefundState, ShipmentState
from order_service.order.tasks import SendRefund
from order_service.payment.providers.steps import step_of

OWN: Final = "own/"
"""Keys of our own refunds begin so; "/" is in no key of a caller."""


class PayBack:
    """The rows of a refund that is being made, or of several where several payments give it.

    Until it is sent its rows are among those of the order, without a refund.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._rows: list[RefundRow] = []
        self._before = [structs.asdict(line) for line in draft.order.lines]
        self._freight_before_minor = draft.order.freight_refunded_minor

    @property
    def total_minor(self) -> int:
        """The money of all rows."""
        return sum(row.amount_minor for row in self._rows)

    def units(self, line: Line, units: int, shipment: Shipment | None = None) -> None:
        """Adds units of a line whose money goes back whole, in a parcel where that is known."""
        price = price_of(line, units)
        unshipped, given = self._before_leaving(line, units, shipment)
        self._draft.update(
            line,
            refunded_unshipped=line.refunded_unshipped + unshipped,
            refunded_shipped=line.refunded_shipped + units - unshipped - given,
            given_units=line.given_units + given,
            refunded_minor=line.refunded_minor + price.amount_minor,
            adjusted_units=line.adjusted_units - price.adjusted_units,
            adjusted_minor=line.adjusted_minor - price.adjusted_minor,
        )
        name = shipment.shipment_id if shipment else ""
        self._add(RefundWhat.UNITS, price.amount_minor, line.line_no, units, shipment_id=name)

    def adjust(self, line: Line, units: int, amount_minor: int) -> None:
        """Adds a part of the price of units that are kept."""
        self._draft.update(
            line,
            refunded_minor=line.refunded_minor + amount_minor,
            adjusted_units=adjusted_with(line, units, amount_minor),
            adjusted_minor=line.adjusted_minor + amount_minor,
        )
        self._add(RefundWhat.ADJUST, amount_minor, line.line_no, units)

    def adjust_all(self, amount_minor: int) -> None:
        """Adds an amount in proportion to what is left of each line, less than all of it.

        A line of which nothing is left then has its units back whole.
        """
        lines = lines_with_money(self._draft.order)
        parts = spread(amount_minor, [left_minor(line) for line in lines])
        for line, part_minor in zip(lines, parts, strict=True):
            if part_minor == left_minor(line):
                self.units(line, kept_units(line))
            elif part_minor:
                self.adjust(line, kept_units(line), part_minor)

    def all_units(self) -> None:
        """Adds every unit whose money can go back, and what is left of those that have gone."""
        for line in self._draft.order.lines:
            if kept_units(line):
                self.units(line, kept_units(line))
            else:
                self._rest_of(line)

    def freight(self, sub_order_no: int, at_most_minor: int | None = None) -> None:
        """Adds the freight of a merchant's part that is still the shop's."""
        order = self._draft.order
        amount_minor = freight_left_minor(order, sub_order_no)
        if at_most_minor is not None:
            amount_minor = min(amount_minor, at_most_minor)
        if amount_minor > 0:
            back_minor = order.freight_refunded_minor + amount_minor
            self._draft.update(order, freight_refunded_minor=back_minor)
            self._add(RefundWhat.FREIGHT, amount_minor, sub_order_no=sub_order_no)

    def all_freight(self, at_most_minor: int, but: Collection[int] = ()) -> None:
        """Adds the freight of all parts, or of all but some, up to an amount."""
        for number in range(len(self._draft.order.sub_orders)):
            if number in but:
                continue
            before_minor = self.total_minor
            self.freight(number, at_most_minor)
            at_most_minor -= self.total_minor - before_minor

    def other(self, what: RefundWhat, amount_minor: int) -> None:
        """Adds money that is for no goods."""
        if amount_minor > 0:
            self._add(what, amount_minor)

    def send(
        self,
        refund_key: str,
        reason: str,
        payments: Sequence[Payment] | None = None,
        *,
        at_most_minor: int | None = None,
        is_gone: bool = False,
    ) -> list[Refund]:
        """Has the money sent back, at most what is left of the payments, oldest first.

        Each payment gives a refund of its own. Less than all goes back in steps that can be paid;
        where that is nothing, nothing is counted either. What `is_gone` takes no such steps.
        """
        order = self._draft.order
        payments = captured(order) if payments is None else payments
        left = [payment.left_minor for payment in payments]
        steps = [step_of(payment.provider, payment.captured_currency) for payment in payments]
        step_minor = 1 if is_gone else max(steps, default=1)
        self._end_lines(step_minor)
        order.refund_rows = [row for row in order.refund_rows if row.refund_id]
        total_minor = min(self.total_minor, sum(left))
        if at_most_minor is not None:
            total_minor = min(total_minor, at_most_minor)
        if total_minor < sum(left):
            total_minor -= total_minor % step_minor
        if not total_minor:
            self._take_back()
            return []
        self._lower(total_minor)
        made: list[Refund] = []
        for payment, payment_left_minor in zip(payments, left, strict=True):
            share_minor = min(total_minor, payment_left_minor)
            if share_minor > 0:
                key = f"{refund_key}/{len(made) + 1}" if made else refund_key
                made.append(self._send_share(payment, share_minor, key, reason))
                total_minor -= share_minor
        return made

    def _take_back(self) -> None:
        """Counts nothing of what was added: no unit is refunded without a row that says so."""
        order = self._draft.order
        for line, before in zip(order.lines, self._before, strict=True):
            if structs.asdict(line) != before:
                self._draft.update(line, **before)
        if order.freight_refunded_minor != self._freight_before_minor:
            self._draft.update(order, freight_refunded_minor=self._freight_before_minor)
        self._rows.clear()

    def _before_leaving(self, line: Line, units: int, shipment: Shipment | None) -> tuple[int, int]:
        """The numbers of the units that have not left: those that never will, and those that are
        given away.
        """
        order = self._draft.order
        if shipment is not None:
            stays = not shipment.shipped_at_ms and order.carries_lines(shipment)
            if shipment.given_away and shipment.state is not ShipmentState.CANCELLED:
                return 0, units if stays else 0
            return units if stays else 0, 0
        given = max(0, units_to_give(order, line) - line.given_units)
        if order.payment_method == CASH_ON_DELIVERY:  # only what was delivered was paid
            return max(0, units - (line.shipped - line.refunded_shipped)), 0
        behind = line.quantity - line.shipped - line.refunded_unshipped
        unshipped = min(units, max(0, behind - units_to_give(order, line)))
        return unshipped, min(units - unshipped, given)

    def _end_lines(self, step_minor: int) -> None:
        """Ends lines of which nothing, or less than a step, is left.

        Units that have all of their price back, in parts, are refunded whole.
        """
        for line in self._draft.order.lines:
            kept = kept_units(line)
            if kept and line.refunded_minor and not left_minor(line):
                self.units(line, kept)
            elif not kept and left_minor(line) < step_minor:
                self._rest_of(line)

    def _rest_of(self, line: Line) -> None:
        rest_minor = left_minor(line)
        if rest_minor > 0:
            self._draft.update(line, refunded_minor=line.refunded_minor + rest_minor)
            self._add(RefundWhat.UNITS, rest_minor, line.line_no)

    def _lower(self, to_minor: int) -> None:
        """Lowers the rows to an amount, the last ones first."""
        parts = lowered([row.amount_minor for row in self._rows], to_minor)
        for number, part_minor in enumerate(parts):
            row = self._rows[number]
            self._uncount(row, row.amount_minor - part_minor)
            self._rows[number] = structs.replace(row, amount_minor=part_minor)

    def _uncount(self, row: RefundRow, amount_minor: int) -> None:
        if not amount_minor:
            return
        order = self._draft.order
        if row.line_no:
            line = next(line for line in order.lines if line.line_no == row.line_no)
            self._draft.update(line, refunded_minor=line.refunded_minor - amount_minor)
            if row.what is RefundWhat.ADJUST:
                self._draft.update(line, adjusted_minor=line.adjusted_minor - amount_minor)
        elif row.what is RefundWhat.FREIGHT:
            back_minor = order.freight_refunded_minor - amount_minor
            self._draft.update(order, freight_refunded_minor=back_minor)

    def _send_share(self, payment: Payment, amount_minor: int, key: str, reason: str) -> Refund:
        """Makes the refund of one payment, with as many rows as its money takes."""
        draft = self._draft
        refund = Refund(
            refund_id=draft.next_part_id(Refund),
            refund_key=key,
            order_id=draft.order.order_id,
            payment_id=payment.payment_id,
            state=RefundState(REFUND.first),
            amount_minor=amount_minor,
            reason=reason,
            provider_ref="",
            created_at_ms=draft.now_ms,
            updated_at_ms=draft.now_ms,
            currency=payment.captured_currency,
        )
        draft.update(payment, refunded_minor=payment.refunded_minor + amount_minor)
        for row_no, row in enumerate(self._rows_of_share(amount_minor), 1):
            written = structs.replace(row, refund_id=refund.refund_id, row_no=row_no)
            draft.order.refund_rows.append(written)
            draft.record(written)
        draft.add(refund, reason)
        draft.send(SendRefund(refund.refund_id))
        return refund

    def _rows_of_share(self, amount_minor: int) -> list[RefundRow]:
        """Takes rows off for an amount; the last one stays in part where it is too much."""
        share: list[RefundRow] = []
        while self._rows and (amount_minor or not self._rows[0].amount_minor):
            row = self._rows.pop(0)
            if row.amount_minor > amount_minor:
                rest_minor = row.amount_minor - amount_minor
                self._rows.insert(0, structs.replace(row, amount_minor=rest_minor, units=0))
                row = structs.replace(row, amount_minor=amount_minor)
            amount_minor -= row.amount_minor
            if row.units or row.amount_minor:
                share.append(row)
        return share

    def _add(
        self,
        what: RefundWhat,
        amount_minor: int,
        line_no: int = 0,
        units: int = 0,
        sub_order_no: int = 0,
        shipment_id: str = "",
    ) -> None:
        order = self._draft.order
        about = (line_no, sub_order_no, shipment_id, units, amount_minor)
        self._rows.append(RefundRow(order.order_id, "", 0, what, *about))
        order.refund_rows.append(self._rows[-1])


def captured(order: Order) -> list[Payment]:
    """The payments whose money is the order's: none of those in quarantine."""
    return [payment for payment in order.payments if payment.state is PaymentState.CAPTURED]


def units_to_give(order: Order, line: Line) -> int:
    """Units of a line in parcels that are given away and have not left."""
    return sum(
        packed.quantity
        for shipment in order.shipments
        if shipment.given_away
        and not shipment.shipped_at_ms
        and shipment.state is not ShipmentState.CANCELLED
        and order.carries_lines(shipment)
        for packed in shipment.lines
        if packed.line_no == line.line_no
    )


def refundable_minor(order: Order) -> int:
    """The money of an order that can be asked back."""
    return sum(payment.left_minor for payment in captured(order))


def lines_with_money(order: Order) -> list[Line]:
    """The lines of which money can go back."""
    return [line for line in order.lines if kept_units(line) and left_minor(line) > 0]


def freight_left_minor(order: Order, sub_order_no: int) -> int:
    """The freight of a merchant's part that did not go back."""
    back_minor = sum(
        row.amount_minor
        for row in order.refund_rows
        if row.what is RefundWhat.FREIGHT and row.sub_order_no == sub_order_no
    )
    return order.sub_orders[sub_order_no].amounts.freight_minor - back_minor


def rows_of(order: Order, refund: Refund) -> list[RefundRow]:
    """The rows of a refund: its purposes."""
    return [row for row in order.refund_rows if row.refund_id == refund.refund_id]


def refunds_of(order: Order, refund_key: str) -> list[Refund]:
    """The refunds of a key: one a payment."""
    more = f"{refund_key}/"
    return [
        refund
        for refund in order.refunds
        if refund.refund_key == refund_key or refund.refund_key.startswith(more)
    ]
