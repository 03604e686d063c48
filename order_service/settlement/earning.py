"""A merchant earns its part of an order: money in escrow becomes the merchant's. Pure."""

from collections.abc import Iterator
from typing import Final

from msgspec import structs

from order_service.catalogue.contracts import Contract
from order_service.order.draft import Draft
from order_service.order.journals import JournalKind, Move
from order_service.order.model import Order
from order_service.payment.paying_back import freight_left_minor
from order_service.payment.whereabouts import escrow_minor, goods_left_minor
from order_service.settlement.accounts import COUPON, ESCROW, FREIGHT, between, merchant
from order_service.settlement.posting import enter
from order_service.settlement.terms import coupon_left_minor, share

_J: Final = JournalKind


def earn(draft: Draft, number: int, terms: Contract) -> None:
    """Enters that a merchant has earned its part of the order, and what we keep of it.

    The last part takes what is left of the order's money, which may be a little more or less than
    its price where a person has taken another amount. None takes more than there is.
    """
    order = draft.order
    merchant_id = order.sub_orders[number].merchant_id
    goods_minor, freight_minor = _paid(order, number)
    coupon_minor = coupon_left_minor(order, number, terms)
    base_minor = goods_left_minor(order, number) + coupon_minor
    moves = list(_moves(merchant_id, goods_minor, freight_minor, coupon_minor, terms))
    enter(draft, f"m{number}/earned", _J.EARNED, order.currency, moves)
    for kind, amount_minor in (
        (_J.COMMISSION, share(base_minor, terms.commission_bp)),
        (_J.SERVICE_FEE, share(goods_minor + freight_minor, terms.service_fee_bp)),
    ):
        move = between(kind, merchant_id, amount_minor)
        enter(draft, f"m{number}/{kind.lower()}", kind, order.currency, [move])
    parts = list(order.sub_orders)
    parts[number] = structs.replace(parts[number], earned=True)
    draft.update(order, sub_orders=tuple(parts))


def _paid(order: Order, number: int) -> tuple[int, int]:
    """The money in escrow for the goods of a part, and for its freight."""
    goods_minor = goods_left_minor(order, number)
    freight_minor = freight_left_minor(order, number)
    in_escrow_minor = max(0, escrow_minor(order))
    freight_minor = min(freight_minor, in_escrow_minor)
    rest_minor = in_escrow_minor - freight_minor
    others = [part for other, part in enumerate(order.sub_orders) if other != number]
    goods_minor = (
        rest_minor if all(part.earned for part in others) else min(goods_minor, rest_minor)
    )
    return goods_minor, freight_minor


def _moves(
    merchant_id: str, goods_minor: int, freight_minor: int, coupon_minor: int, terms: Contract
) -> Iterator[Move]:
    yield Move(ESCROW, merchant(merchant_id), goods_minor)
    yield Move(ESCROW, merchant(merchant_id) if terms.merchant_ships else FREIGHT, freight_minor)
    yield Move(COUPON, merchant(merchant_id), coupon_minor)
