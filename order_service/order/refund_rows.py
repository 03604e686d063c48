"""The rows of a refund: what its money is for. They add up to the refund, and never change."""

from enum import StrEnum

from msgspec import Struct


class RefundWhat(StrEnum):
    """The purposes for which money goes back."""

    UNITS = "UNITS"
    """Units of a line, whose price goes back whole: they do not leave, or come back or are lost."""
    ADJUST = "ADJUST"
    """A part of the price of units that the buyer keeps."""
    FREIGHT = "FREIGHT"
    """The freight of one merchant's part."""
    GOODWILL = "GOODWILL"
    """A present: for no goods, and up to a ceiling."""
    EXCESS = "EXCESS"
    """Money that was never due: it came twice, late or in a wrong amount."""


class RefundRow(Struct, frozen=True):
    """A row of a refund. Fields that say nothing about it are 0 or ""."""

    order_id: str
    refund_id: str
    row_no: int
    """Position among the refund's rows, from 1."""
    what: RefundWhat
    line_no: int
    """The order line, with UNITS and ADJUST."""
    sub_order_no: int
    """The position of the merchant's part, with FREIGHT."""
    shipment_id: str
    """The parcel that the units are, or were to be, in; "" where that is not known."""
    units: int
    amount_minor: int
