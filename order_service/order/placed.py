"""Values that an order is placed with: its source, the buyer's wishes, its amounts, its address.

Money is integer minor units of the order's currency (`..._minor`).
"""

from enum import StrEnum

from msgspec import Struct


class Source(StrEnum):
    """Where an order came from (O17). Part of what makes its key unique."""

    WEB = "WEB"
    APP = "APP"
    PHONE = "PHONE"
    SHOP = "SHOP"
    IMPORT = "IMPORT"


class ShortagePolicy(StrEnum):
    """The buyer's wish for when not all can be reserved (O14)."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    SHIP_AVAILABLE = "SHIP_AVAILABLE"
    WAIT = "WAIT"


class DeliveryWish(StrEnum):
    """The buyer's wish for the choice of a carrier (O8)."""

    CHEAPEST = "CHEAPEST"
    FASTEST = "FASTEST"


class Amounts(Struct, frozen=True, array_like=True):
    """The itemised amount of an order, fixed before payment (P1), in minor units.

    total = goods - discount - coupon + freight + tax; none is negative.
    """

    goods_minor: int
    discount_minor: int
    coupon_minor: int
    freight_minor: int
    tax_minor: int
    total_minor: int

    @property
    def added_up_minor(self) -> int:
        """The total that the other amounts come to."""
        left_minor = self.goods_minor - self.discount_minor - self.coupon_minor
        return left_minor + self.freight_minor + self.tax_minor


class Delivery(Struct, frozen=True, array_like=True):
    """The receiver and address of an order. Personal: never in a log, a metric or an error."""

    name: str
    phone: str
    country: str
    """ISO 3166-1 alpha-2."""
    postcode: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    street: str = ""
    email: str = ""
    wish: DeliveryWish = DeliveryWish.CHEAPEST


class SubOrder(Struct, frozen=True, array_like=True):
    """The part of an order that one merchant delivers (O5), with its share of the amounts."""

    sub_order_id: str
    merchant_id: str
    amounts: Amounts
    held: bool = False
    """Whether the order's hold is of this part, and of the others that say so."""
    terms: int = 0
    """The number of the merchant's contract by which it is settled; 0 for none."""
    earned: bool = False
    """Whether its money is the merchant's."""
