"""Orders as they are sent, and their checks (O1): fields, amounts, and lines by the catalogue."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, structs

from holdfast.bounds import LINES_MAX
from holdfast.money import MINOR_DIGITS
from order_service.catalogue.model import Article
from order_service.order.fields import (
    MONEY_MINOR_MAX,
    QUANTITY_MAX,
    check_id,
    check_money,
    check_name,
    check_whole,
    checked_lines_of_text,
    shown,
)
from order_service.order.keys import OrderKey, kept_key
from order_service.order.placed import Amounts, Delivery, ShortagePolicy, Source
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.payment.methods import PAID_ELSEWHERE, Methods
from order_service.placing.delivery import checked_delivery

REMARK_LENGTH_MAX: Final = 2_000
FINGERPRINT_BYTES: Final = 16

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
    channel: str = ""

    @property
    def key(self) -> OrderKey:
        """The key by which it is recognised when it is sent again."""
        return (self.tenant, str(self.source), kept_key(self.order_key, self.channel))

    def fingerprint(self) -> bytes:
        """A digest of all of it: equal for the same order sent twice, and for no other.

        Without the channel, which orders under the same key share.
        """
        without_channel = structs.astuple(self)[:-1]
        return blake2b(_encode(without_channel), digest_size=FINGERPRINT_BYTES).digest()


class Checked(NamedTuple):
    """The fields of a request that checking normalises."""

    delivery: Delivery
    remark: str


def checked_fields(request: PlaceOrder, methods: Methods, default_country: str = "") -> Checked:
    """Holds every field against its bounds, without the catalogue. Raises InvalidField."""
    check_id("tenant", request.tenant)
    check_id("order_key", request.order_key, personal=True)
    if request.channel:
        check_id("channel", request.channel)
    check_id("buyer_id", request.buyer_id, personal=True)
    if request.currency not in MINOR_DIGITS:
        problem = "must be a currency's code (ISO 4217)"
        raise InvalidField("currency", problem, shown(request.currency))
    _check_lines(request.lines)
    _check_amounts(request.amounts)
    if request.payment_method not in methods:
        problem = f"must be one of {', '.join(sorted(methods))}"
        raise InvalidField("payment_method", problem, shown(request.payment_method))
    if request.payment_method == PAID_ELSEWHERE and request.source is not Source.IMPORT:
        problem = "is for orders that another platform has taken: their source is IMPORT"
        raise InvalidField("payment_method", problem, shown(request.payment_method))
    remark = checked_lines_of_text("remark", request.remark, REMARK_LENGTH_MAX)
    masked_too = request.source is Source.IMPORT
    delivery = checked_delivery(
        request.delivery, masked_too=masked_too, default_country=default_country
    )
    return Checked(delivery, remark)


def _check_lines(lines: tuple[WantedLine, ...]) -> None:
    if not 1 <= len(lines) <= LINES_MAX:
        raise InvalidField("lines", f"must be 1 to {LINES_MAX} lines", len(lines))
    units: dict[str, int] = {}
    for position, line in enumerate(lines):
        field = f"lines[{position}]"
        check_name(f"{field}.sku", line.sku)
        check_whole(f"{field}.quantity", line.quantity, 1, QUANTITY_MAX)
        check_money(f"{field}.unit_price_minor", line.unit_price_minor)
        units[line.sku] = units.get(line.sku, 0) + line.quantity
        if units[line.sku] > QUANTITY_MAX:
            problem = f"must come to at most {QUANTITY_MAX:,} with the other lines of its article"
            raise InvalidField(f"{field}.quantity", problem, line.quantity)


def _check_amounts(amounts: Amounts) -> None:
    minor = structs.astuple(amounts)
    if min(minor) >= 0 and max(minor) <= MONEY_MINOR_MAX:
        return
    for field in Amounts.__struct_fields__:
        check_money(f"amounts.{field}", getattr(amounts, field))


def check_sums(lines: tuple[WantedLine, ...], amounts: Amounts) -> None:
    """Raises Refused AMOUNT_MISMATCH unless the amounts of an order add up (P1)."""
    goods = sum([line.quantity * line.unit_price_minor for line in lines])
    if goods > MONEY_MINOR_MAX:
        # The lines are within their bounds, and what they come to is not.
        raise InvalidField("lines", f"must come to at most {MONEY_MINOR_MAX:,}", f"{goods:,}")
    off = amounts.discount_minor + amounts.coupon_minor
    total = goods - off + amounts.freight_minor + amounts.tax_minor
    if amounts.goods_minor != goods:
        _mismatch("goods_minor", goods, amounts.goods_minor)
    if off > goods:
        _mismatch("discount_minor", f"with coupon_minor at most {goods}", off)
    if amounts.total_minor != total:
        _mismatch("total_minor", total, amounts.total_minor)


def _mismatch(field: str, expected: object, got: object) -> None:
    raise Refused(RefusalReason.AMOUNT_MISMATCH, field=field, expected=expected, got=got)


def articles_of(request: PlaceOrder, articles: Mapping[str, Article]) -> list[Article]:
    """The article of each line. Raises Refused UNKNOWN_ARTICLE or PRICE_MISMATCH.

    Beside what is paid for, a line may cost nothing: a gift. What it is worth counts as taken off,
    so the review asks a person where it is much.
    """
    found: list[Article] = []
    is_paid = any(line.unit_price_minor for line in request.lines)
    for position, line in enumerate(request.lines):
        article = articles.get(line.sku)
        if article is None or article.withdrawn:
            raise Refused(RefusalReason.UNKNOWN_ARTICLE, position=position, sku=line.sku)
        prices = (article.price_minor, 0) if is_paid else (article.price_minor,)
        if line.unit_price_minor not in prices or request.currency != article.currency:
            raise Refused(
                RefusalReason.PRICE_MISMATCH,
                position=position,
                sku=line.sku,
                expected=f"{article.price_minor} {article.currency}",
                got=f"{line.unit_price_minor} {request.currency}",
            )
        found.append(article)
    return found
