"""The journals that follow from what a draft has changed. Pure.

Decisions know nothing of the ledger: they move payments and refunds. Once a draft, `post` looks at
what these were and what they are, and enters the difference. It goes by the draft alone, and
nothing is ever computed anew from orders.

A payment of before there was a ledger is entered whole at its order's first change since
(OPENING); what nothing changes any more never is.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from order_service.order.chargebacks import OPEN, Chargeback, ChargebackState
from order_service.order.draft import Draft
from order_service.order.journals import Account, Journal, JournalKind, Move, postings_of
from order_service.order.lines import Line
from order_service.order.model import Payment, Refund
from order_service.order.parts import part_no
from order_service.order.refund_amounts import settled_units
from order_service.order.refund_rows import RefundRow, RefundWhat
from order_service.order.states import OrderState
from order_service.payment.methods import CASH
from order_service.payment.paying_back import rows_of
from order_service.payment.undisputed import kept_by_banks
from order_service.payment.whereabouts import (
    consumed_minor,
    escrow_minor,
    gone_minor,
    goods_left_minor,
    holder_of,
    lines_of,
)
from order_service.settlement.accounts import (
    BANK,
    CHARGEBACK,
    COMMISSION,
    COMPENSATION,
    COUPON,
    ESCROW,
    FREIGHT,
    LOSS,
    REFUNDING,
    SUSPENSE,
    carrier,
    merchant,
    provider,
)
from order_service.settlement.prepared import charged_back, won
from order_service.settlement.terms import (
    TermsOf,
    coupon_left_minor,
    coupon_upto,
    coupons_of,
    share,
)

_J: Final = JournalKind


def post(draft: Draft, terms_of: TermsOf) -> None:
    """Enters what a draft has done to payments and refunds. To be called once, before it ends."""
    order = draft.order
    if not draft.history and not draft.changed and not draft.order_changed:
        return
    posting = _Posting(draft, terms_of)
    for payment in order.payments:
        if payment.captured_minor:
            posting.of_payment(payment)
    for chargeback in order.parts_of(Chargeback):
        posting.of_chargeback(chargeback)
    if order.state is OrderState.CANCELLED:
        _release(draft)


def enter(
    draft: Draft, once_key: str, kind: JournalKind, currency: str, moves: Iterable[Move]
) -> None:
    """Enters a journal, unless nothing is moved."""
    postings = postings_of(moves)
    if postings:
        order = draft.order
        draft.journals.append(
            Journal(
                journal_id=draft.new_id(),
                tenant=order.tenant,
                order_id=order.order_id,
                once_key=once_key,
                kind=kind,
                currency=currency,
                actor=draft.actor,
                at_ms=draft.now_ms,
                postings=postings,
            )
        )


class _Posting:
    """The journals of one draft."""

    def __init__(self, draft: Draft, terms_of: TermsOf) -> None:
        self._draft = draft
        self._order = draft.order
        self._terms_of = terms_of
        self._kept = kept_by_banks(self._order)
        self._new = {id(part) for part in draft.added if isinstance(part, Refund)}
        self._version = draft.order.version + 1

    def of_payment(self, payment: Payment) -> None:
        """Enters what became of a payment, and of its refunds."""
        was = self._draft.was_of(payment)
        refunds = [
            refund
            for refund in self._order.refunds
            if refund.payment_id == payment.payment_id and refund.refund_id not in self._kept
        ]
        if was.captured_minor and not payment.booked:
            self._open(payment, refunds)
            return
        name = f"p{part_no(payment.payment_id)}"
        came_minor = payment.captured_minor - was.captured_minor
        asked = [refund for refund in refunds if id(refund) in self._new]
        if came_minor:
            self._draft.update(payment, booked=True)
            key = f"{name}/captured/{payment.captured_minor}"
            moves = self._captured(payment, was, self._excess(asked))
            self._enter(key, _J.CAPTURED, payment.captured_currency, moves)
        kept_minor = was.captured_minor - was.refunded_minor
        if kept_minor and holder_of(was) != holder_of(payment):
            kind = _J.QUARANTINED if holder_of(payment) == SUSPENSE else _J.APPROVED
            move = Move(holder_of(was), holder_of(payment), kept_minor)
            self._enter(f"{name}/{kind.lower()}", kind, payment.captured_currency, [move])
        if asked:
            self._asked(payment, was, asked, came_minor)
        for refund in refunds:
            self._sent(payment, refund, self._draft.was_of(refund))

    def _open(self, payment: Payment, refunds: Sequence[Refund]) -> None:
        """Enters all that became of a payment so far."""
        self._draft.update(payment, booked=True)
        came_minor, currency = payment.captured_minor, payment.captured_currency
        moves = list(self._came_from(payment, came_minor, 0, holder_of(payment)))
        for refund in refunds:
            moves += self._sources(payment, rows_of(self._order, refund), 0)
            moves += _gone_moves(payment, refund, 0, 0, currency)
        self._enter(f"p{part_no(payment.payment_id)}/opening", _J.OPENING, currency, moves)

    def of_chargeback(self, chargeback: Chargeback) -> None:
        """Enters what a bank has taken, and what became of it."""
        was = self._draft.was_of(chargeback)
        is_new = any(part is chargeback for part in self._draft.added)
        if was is chargeback and not is_new:
            return
        name = f"k{part_no(chargeback.chargeback_id)}"
        payment = self._order.payment(chargeback.payment_id)
        taken_minor = chargeback.amount_minor - (0 if is_new else was.amount_minor)
        fee_minor = chargeback.fee_minor - (0 if is_new else was.fee_minor)
        moves = charged_back(payment.provider, taken_minor, fee_minor)
        key = f"{name}/taken/{self._version}"
        self._enter(key, _J.CHARGEBACK, chargeback.currency, moves)
        if chargeback.state is ChargebackState.WON and (is_new or was.state in OPEN):
            move = won(payment.provider, chargeback.amount_minor)
            self._enter(f"{name}/won", _J.CHARGEBACK_WON, chargeback.currency, [move])
        elif chargeback.state is ChargebackState.LOST and (is_new or was.state in OPEN):
            self._lost(payment, chargeback, f"{name}/lost")

    def _lost(self, payment: Payment, chargeback: Chargeback, key: str) -> None:
        """Enters whose loss it is: of what went back before it is ours."""
        lost_minor = chargeback.amount_minor
        moves: list[Move] = []
        for refund in self._order.refunds:
            if refund.refund_id != chargeback.refund_id:
                continue
            lost_minor -= refund.amount_minor
            rows = rows_of(self._order, refund)
            moves = self._sources(payment, rows, 0, CHARGEBACK)
            backs = list(self._of_earned(rows, refund, [refund]))
            moves += [back for back in backs if back.debit != COMMISSION]
            self._commission_back(f"{key}/commission", refund.currency, backs)
        moves.append(Move(LOSS, CHARGEBACK, lost_minor))
        self._enter(key, _J.CHARGEBACK_LOST, chargeback.currency, moves)

    def _captured(self, payment: Payment, was: Payment, excess_minor: int) -> Iterator[Move]:
        came_minor = payment.captured_minor - was.captured_minor
        holder = holder_of(payment)
        never_due_minor = 0 if holder == SUSPENSE else min(came_minor, excess_minor)
        if never_due_minor:
            yield from self._came_from(payment, never_due_minor, 0, SUSPENSE)
        rest_minor = came_minor - never_due_minor
        yield from self._came_from(payment, rest_minor, never_due_minor, holder)

    def _came_from(
        self, payment: Payment, amount_minor: int, before_minor: int, holder: Account
    ) -> Iterator[Move]:
        """The moves by which money came: from a provider, or from those who collect at the door."""
        if payment.provider != CASH:
            yield Move(provider(payment.provider), holder, amount_minor)
            return
        for account, collected_minor in self._collectors(payment):
            passed_minor = min(before_minor, collected_minor)
            before_minor -= passed_minor
            part_minor = min(collected_minor - passed_minor, amount_minor)
            amount_minor -= part_minor
            yield Move(account, holder, part_minor)
        if amount_minor:
            yield Move(self._collector(payment), holder, amount_minor)

    def _collectors(self, payment: Payment) -> Iterator[tuple[Account, int]]:
        """The money collected at the door in this draft, by whom; all of it for an opening."""
        for shipment in self._order.shipments:
            was = self._draft.was_of(shipment)
            before_minor = was.collected_minor if self._draft.was_of(payment).booked else 0
            if shipment.collected_minor > before_minor:
                amount_minor = shipment.collected_minor - before_minor
                yield self._who_collects(shipment.sub_order_no, shipment.carrier), amount_minor

    def _collector(self, payment: Payment) -> Account:
        """The account of money at the door of which no parcel says who has brought it."""
        for shipment in self._order.shipments:
            if shipment.waybill and shipment.waybill == payment.provider_ref:
                return self._who_collects(shipment.sub_order_no, shipment.carrier)
        return carrier("unknown")

    def _who_collects(self, number: int, carrier_name: str) -> Account:
        part = self._order.sub_orders[number]
        if self._terms_of(self._order.tenant, part).merchant_collects:
            return merchant(part.merchant_id)
        return carrier(carrier_name or "unknown")

    def _excess(self, refunds: Iterable[Refund]) -> int:
        return sum(
            row.amount_minor
            for refund in refunds
            for row in rows_of(self._order, refund)
            if row.what is RefundWhat.EXCESS
        )

    def _asked(
        self, payment: Payment, was: Payment, refunds: Sequence[Refund], came_minor: int
    ) -> None:
        """Enters that money is to go back: of whom it is, it is taken."""
        due_minor = came_minor if holder_of(payment) == ESCROW else 0
        for refund in refunds:
            rows = rows_of(self._order, refund)
            moves = self._sources(payment, rows, due_minor)
            due_minor = max(0, due_minor - self._excess([refund]))
            name = f"r{part_no(refund.refund_id)}"
            backs = list(self._of_earned(rows, refund, refunds))
            moves += [back for back in backs if back.debit != COMMISSION]
            self._enter(f"{name}/asked", _J.REFUND, refund.currency, moves)
            self._commission_back(f"{name}/commission", refund.currency, backs)

    def _commission_back(self, once_key: str, currency: str, backs: Sequence[Move]) -> None:
        commissions = [back for back in backs if back.debit == COMMISSION]
        self._enter(once_key, _J.COMMISSION_BACK, currency, commissions)

    def _sources(
        self,
        payment: Payment,
        rows: Sequence[RefundRow],
        due_minor: int,
        to: Account = REFUNDING,
    ) -> list[Move]:
        """The moves of a refund's money from the accounts that it is taken from."""
        moves = []
        for row in rows:
            if row.what is RefundWhat.EXCESS:
                own_minor = row.amount_minor if holder_of(payment) == SUSPENSE else 0
                came_minor = own_minor or min(due_minor, row.amount_minor)
                due_minor -= min(due_minor, row.amount_minor)
                moves.append(Move(SUSPENSE, to, came_minor))
                moves.append(Move(ESCROW, to, row.amount_minor - came_minor))
            else:
                moves.append(Move(self._source(row), to, row.amount_minor))
        return moves

    def _source(self, row: RefundRow) -> Account:
        if row.what is RefundWhat.GOODWILL:
            return COMPENSATION
        part = self._order.sub_orders[self._part_of(row)]
        if not part.earned:
            return ESCROW
        terms = self._terms_of(self._order.tenant, part)
        if row.what is RefundWhat.FREIGHT and not terms.merchant_ships:
            return FREIGHT
        return merchant(part.merchant_id)

    def _part_of(self, row: RefundRow) -> int:
        if row.what is RefundWhat.FREIGHT:
            return row.sub_order_no
        numbers = (line.sub_order_no for line in self._order.lines if line.line_no == row.line_no)
        return next(numbers, 0)

    def _of_earned(
        self, rows: Sequence[RefundRow], refund: Refund, refunds: Sequence[Refund]
    ) -> Iterator[Move]:
        """For what merchants had earned: the coupon is the platform's again, the commission
        theirs.
        """
        later = refunds[list(refunds).index(refund) + 1 :]
        after = [row for each in later for row in rows_of(self._order, each)]
        for number, part in enumerate(self._order.sub_orders):
            if not part.earned:
                continue
            terms = self._terms_of(self._order.tenant, part)
            lines = {line.line_no: line for line in lines_of(self._order, number)}
            coupons = coupons_of(self._order, number, terms)
            coupon_minor = sum(
                _coupon_of(lines[line_no], coupons[line_no], rows, after) for line_no in lines
            )
            goods_minor = _goods_minor(rows, lines)
            after_minor = (
                goods_left_minor(self._order, number)
                + coupon_left_minor(self._order, number, terms)
                + _goods_minor(after, lines)
                + sum(_coupon_of(lines[line_no], coupons[line_no], after, []) for line_no in lines)
            )
            before_minor = after_minor + goods_minor + coupon_minor
            back_minor = share(before_minor, terms.commission_bp)
            back_minor -= share(after_minor, terms.commission_bp)
            yield Move(merchant(part.merchant_id), COUPON, coupon_minor)
            yield Move(COMMISSION, merchant(part.merchant_id), back_minor)

    def _sent(self, payment: Payment, refund: Refund, was: Refund) -> None:
        """Enters what went back of a refund, or has come back."""
        if refund is was:
            return
        moves = _gone_moves(payment, refund, consumed_minor(was), gone_minor(was), refund.currency)
        used_minor = consumed_minor(refund) - consumed_minor(was)
        kind = _J.REFUND_DIFFERS
        if used_minor:
            kind = _J.REFUND_SENT if used_minor > 0 else _J.REFUND_BOUNCED
        name = f"r{part_no(refund.refund_id)}"
        self._enter(f"{name}/sent/{self._version}", kind, refund.currency, moves)
        if (refund.sent_currency, refund.sent_minor) != (was.sent_currency, was.sent_minor):
            for each, sign in ((refund, 1), (was, -1)):
                if each.sent_currency not in ("", each.currency):
                    move = Move(LOSS, provider(payment.provider), sign * each.sent_minor)
                    key = f"{name}/differs/{self._version}/{sign}"
                    self._enter(key, _J.REFUND_DIFFERS, each.sent_currency, [move])

    def _enter(
        self, once_key: str, kind: JournalKind, currency: str, moves: Iterable[Move]
    ) -> None:
        enter(self._draft, once_key, kind, currency, moves)


def _goods_minor(rows: Iterable[RefundRow], lines: dict[int, Line]) -> int:
    return sum(row.amount_minor for row in rows if row.line_no in lines)


def _coupon_of(
    line: Line, coupon_minor: int, rows: Sequence[RefundRow], after: Sequence[RefundRow]
) -> int:
    """The share of a line's coupon that is of the units of some rows; `after` come behind them."""
    units = sum(row.units for row in rows if _settles(row, line))
    upto = settled_units(line) - sum(row.units for row in after if _settles(row, line))
    return coupon_upto(line, coupon_minor, upto) - coupon_upto(line, coupon_minor, upto - units)


def _settles(row: RefundRow, line: Line) -> bool:
    return row.line_no == line.line_no and row.what is RefundWhat.UNITS


def _gone_moves(
    payment: Payment, refund: Refund, used_before_minor: int, sent_before_minor: int, currency: str
) -> list[Move]:
    """The moves from what was no longer to be sent, and was sent, to what is now."""
    if refund.currency and refund.currency != currency:
        return []
    used_minor = consumed_minor(refund) - used_before_minor
    sent_minor = gone_minor(refund) - sent_before_minor
    paid_in = provider(payment.provider) if payment.provider != CASH else BANK
    # What a person sends does not come from the provider; what is sent twice is lost.
    rest_minor = used_minor - sent_minor
    other = BANK if refund.by_hand and rest_minor > 0 else LOSS
    return [Move(REFUNDING, paid_in, sent_minor), Move(REFUNDING, other, rest_minor)]


def _release(draft: Draft) -> None:
    """Takes back a present that has become a part of the refund of all of an order."""
    order = draft.order
    present_minor = escrow_minor(order)
    nothing_left = all(each.captured_minor == each.refunded_minor for each in order.payments)
    had_some = any(_was_in_escrow(draft.was_of(payment)) for payment in order.payments)
    if present_minor > 0 and nothing_left and had_some and any(map(_takes_escrow, draft.journals)):
        enter(
            draft,
            "order/released",
            _J.RELEASED,
            order.currency,
            [Move(ESCROW, COMPENSATION, present_minor)],
        )


def _was_in_escrow(was: Payment) -> bool:
    """Whether a payment had money in escrow, or was not entered at all."""
    left_minor = was.captured_minor - was.refunded_minor
    return holder_of(was) == ESCROW and bool(left_minor or (was.captured_minor and not was.booked))


def _takes_escrow(journal: Journal) -> bool:
    on_escrow = any(posting.account == ESCROW for posting in journal.postings)
    return on_escrow and journal.kind in (_J.REFUND, _J.CHARGEBACK_LOST, _J.OPENING)
