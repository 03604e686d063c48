"""The request to place an order, as values."""

from hashlib import blake2b

import msgspec
from msgspec import Struct

from order_service.order.model import Amounts, Delivery, ShortagePolicy, Source

FINGERPRINT_BYTES = 16

_encode = msgspec.msgpack.Encoder().encode


class WantedLine(Struct, frozen=True, array_like=True):
    """Units of an article, at the price that the buyer was shown."""

    sku: str
    quantity: int
    unit_price_minor: int


class PlaceOrder(Struct, frozen=True, array_like=True):
    """An order as it was sent: nothing of it has been checked."""

    tenant: str
    source: Source
    order_key: str
    buyer_id: str
    currency: str
    lines: tuple[WantedLine, ...]
    amounts: Amounts
    delivery: Delivery
    payment_method: str
    shortage_policy: ShortagePolicy = ShortagePolicy.ALL_OR_NOTHING
    remark: str = ""

    def fingerprint(self) -> bytes:
        """A digest of all of it: equal for the same order sent twice, and for no other."""
        return blake2b(_encode(self), digest_size=FINGERPRINT_BYTES).digest()
