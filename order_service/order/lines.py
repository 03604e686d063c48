"""A line of an order, with its counters of units and money."""

from msgspec import Struct


class Line(Struct):
    """Units of one article in an order. One (SKU, location) of the engine's reservation."""

    line_no: int
    sub_order_no: int
    """Position of its sub-order in `Order.sub_orders`, from 0."""
    sku: str
    title: str
    quantity: int
    unit_price_minor: int
    amount_minor: int
    """The price of all its units, discounts taken off and tax added, without freight."""
    location: str = ""
    """The warehouse it comes from; "" until that is chosen."""
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0
    refunded_unshipped: int = 0
    """Units that were cancelled, and whose money went back whole (`refund_amounts.py`)."""
    refunded_shipped: int = 0
    """Units that have left, and whose money went back whole."""
    refunded_minor: int = 0
    """All money of the line that went back, or is asked to."""
    adjusted_units: int = 0
    """Units that are kept, and have had a part of their price back."""
    adjusted_minor: int = 0
    """The money that those have had."""
    unpaid_units: int = 0
    """Units that were to be paid at the door, and never will be."""
    unpaid_minor: int = 0
    """The price of those."""
    given_units: int = 0
    """Units whose money went back before they left, and that go all the same: they are given."""
    resent: int = 0
    """Units that were sent again for a case."""
    open_units: int = 0
    """Units in cases that may still end with their money."""
