"""The orders in a file that another platform has written: a line for each article of an order.

Columns are found by their headers: ours, those that platforms use, or those that are mapped. What
belongs to the whole order may stand on each of its lines or on one of them. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from holdfast.cli.imports.check import BadLine
from holdfast.csv_lines import CsvLine
from holdfast.money import MINOR_DIGITS, minor_units
from holdfast.order.v1 import order_pb2 as pb

REQUIRED: Final = ("order", "sku", "quantity", "price")
OF_THE_ORDER: Final = (
    *("buyer", "currency", "name", "phone", "country", "postcode", "region", "city", "district"),
    *("street", "street2", "email", "remark", "discount", "coupon", "freight", "tax", "total"),
)
FIELDS: Final = (*REQUIRED, *OF_THE_ORDER)
ORDERS_MAX: Final = 200_000
KEY_LENGTH_MAX: Final = 64

# Headers of platforms, without case, spaces and signs.
ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("orderid", "orderno", "ordernumber", "订单号", "订单编号"), "order"),
    **dict.fromkeys(("lineitemsku", "sellersku", "商家编码", "货号"), "sku"),
    **dict.fromkeys(("lineitemquantity", "qty", "quantitypurchased", "数量"), "quantity"),
    **dict.fromkeys(("lineitemprice", "unitprice", "itemprice", "单价"), "price"),
    **dict.fromkeys(("customerid", "buyerid", "买家会员名", "买家昵称"), "buyer"),
    **dict.fromkeys(
        ("shippingname", "recipientname", "shiptoname", "收货人姓名", "收货人"), "name"
    ),
    **dict.fromkeys(
        ("shippingphone", "shiptophone", "phonenumber", "联系手机", "手机", "电话"), "phone"
    ),
    **dict.fromkeys(("shippingcountry", "shipcountry", "countrycode", "国家"), "country"),
    **dict.fromkeys(("shippingzip", "shippostalcode", "postalcode", "zip", "邮编"), "postcode"),
    **dict.fromkeys(("shippingprovince", "shipstate", "state", "province", "省"), "region"),
    **dict.fromkeys(("shippingcity", "shipcity", "市"), "city"),
    **dict.fromkeys(("区", "county"), "district"),
    **dict.fromkeys(
        ("shippingstreet", "shippingaddress1", "shipaddress1", "address", "收货地址", "详细地址"),
        "street",
    ),
    **dict.fromkeys(("shippingaddress2", "shipaddress2", "address2"), "street2"),
    **dict.fromkeys(("buyeremail", "contactemail"), "email"),
    **dict.fromkeys(("notes", "note", "buyernote", "买家留言", "备注"), "remark"),
    **dict.fromkeys(("discountamount",), "discount"),
    **dict.fromkeys(("shipping", "shippingprice", "运费"), "freight"),
    **dict.fromkeys(("taxes",), "tax"),
}
COUNTRIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("china", "中国", "prc"), "CN"),
    **dict.fromkeys(("united kingdom", "great britain", "uk", "england"), "GB"),
    **dict.fromkeys(("united states", "united states of america", "usa"), "US"),
    "germany": "DE",
    "deutschland": "DE",
    "france": "FR",
    "italy": "IT",
    "spain": "ES",
    "netherlands": "NL",
    "poland": "PL",
    "ireland": "IE",
    "canada": "CA",
    "australia": "AU",
    "japan": "JP",
    "日本": "JP",
    "hong kong": "HK",
    "香港": "HK",
    "taiwan": "TW",
    "singapore": "SG",
    "south korea": "KR",
    "india": "IN",
    "mexico": "MX",
    "brazil": "BR",
}
_ID: Final = re.compile(r"[A-Za-z0-9._:-]+")
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]{1,4}")
_DECIMAL_COMMA: Final = re.compile(r"([0-9]+),([0-9]{1,2})")
_WHOLE: Final = re.compile(r"([0-9]{1,7})(?:[.,]0)?")


class Defaults(NamedTuple):
    """The values of orders for which a file has no column, and whose orders they are."""

    shop: str
    currency: str
    country: str
    method: str
    shortage: int


class ImportedOrder(NamedTuple):
    """An order to place, and the number of its first line."""

    line: int
    request: pb.PlaceOrderRequest


def fields_of(header: Iterable[str], mapped: Mapping[str, str]) -> list[str]:
    """The field of each column, "" for one that is not used. Raises ValueError.

    `mapped` has headers by our fields. A header that is mapped is nothing else.
    """
    by_header = {name: field for field, name in mapped.items()}
    found = [by_header.get(name.strip()) or _field_of(name, mapped) for name in header]
    for name in (*REQUIRED, *mapped):
        if name not in FIELDS:
            raise ValueError(f"--map {name}=...: the fields are {', '.join(FIELDS)}")
        if found.count(name) != 1:
            problem = "is there twice" if name in found else "is missing"
            raise ValueError(
                f"the column of {name} {problem}; name its header with --map {name}=HEADER"
            )
    return found


def _field_of(header: str, mapped: Mapping[str, str]) -> str:
    plain = re.sub(r"[\W_]", "", header).lower()
    name = plain if plain in FIELDS else ALIASES.get(plain, "")
    return "" if name in mapped else name


@dataclass(slots=True)
class _Draft:
    """An order as far as it has been read."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    units: dict[str, tuple[int, str]] = field(default_factory=dict)
    problems: list[BadLine] = field(default_factory=list)

    def add(self, line: int, cells: Mapping[str, str]) -> None:
        """Takes one more line of the order."""
        found = [self._take(name, cells.get(name, "")) for name in OF_THE_ORDER]
        quantity = _WHOLE.fullmatch(cells["quantity"])
        if not cells["sku"]:
            found.append("sku: is empty")
        elif quantity is None or not int(quantity[1]):
            found.append(f"quantity: must be a whole number; got {cells['quantity'][:80]!a}")
        else:
            known, price = self.units.get(cells["sku"], (0, cells["price"]))
            if price != cells["price"]:
                found.append(f"price: of {cells['sku']} differs from that of a line before")
            self.units[cells["sku"]] = (known + int(quantity[1]), price)
        if any(found):
            self.problems.append(BadLine(line, "; ".join(filter(None, found))))

    def _take(self, name: str, text: str) -> str:
        if not text or self.values.setdefault(name, text) == text:
            return ""
        return f"{name}: differs from that of a line before; got {text[:80]!a}"


def orders_of(
    lines: Iterable[CsvLine], fields: list[str], defaults: Defaults
) -> tuple[list[ImportedOrder], list[BadLine]]:
    """The orders in the lines after the header, and the lines of those that cannot be placed."""
    drafts: dict[str, _Draft] = {}
    bad: list[BadLine] = []
    for line in lines:
        if line.problem or len(line.cells) != len(fields):
            broken = f"has {len(line.cells)} cells, the header has {len(fields)}"
            bad.append(BadLine(line.number, line.problem or broken))
            continue
        cells = {name: text.strip() for name, text in zip(fields, line.cells, strict=True) if name}
        key = cells["order"].removeprefix("#")
        if not _ID.fullmatch(key) or len(key) > KEY_LENGTH_MAX:
            problem = f"must be up to {KEY_LENGTH_MAX} letters, digits and . _ : -"
            bad.append(BadLine(line.number, f"order: {problem}; got {cells['order'][:80]!a}"))
        elif len(drafts) == ORDERS_MAX and key not in drafts:
            bad.append(BadLine(line.number, f"more than {ORDERS_MAX:,} orders; split the file"))
            break
        else:
            drafts.setdefault(key, _Draft(line.number)).add(line.number, cells)
    orders: list[ImportedOrder] = []
    for key, draft in drafts.items():
        if not draft.problems:
            _finish(key, draft, defaults, orders)
        bad.extend(draft.problems)
    return orders, sorted(bad)


def _finish(key: str, draft: _Draft, defaults: Defaults, orders: list[ImportedOrder]) -> None:
    """Makes the request of a draft, or notes why it cannot be made."""
    try:
        orders.append(ImportedOrder(draft.line, _request(key, draft, defaults)))
    except ValueError as error:
        draft.problems.append(BadLine(draft.line, str(error)))


def _request(key: str, draft: _Draft, defaults: Defaults) -> pb.PlaceOrderRequest:
    values = draft.values
    currency = values.get("currency", defaults.currency).upper()
    if currency not in MINOR_DIGITS:
        raise ValueError(f"currency: must be a code such as CNY; got {currency[:80]!a}")
    request = pb.PlaceOrderRequest(
        source=pb.ORDER_SOURCE_IMPORT,
        order_key=key,
        channel=defaults.shop,
        buyer_id=_buyer(defaults.shop, values.get("buyer") or values.get("email") or key),
        currency=currency,
        payment_method=defaults.method,
        shortage_policy=defaults.shortage,  # type: ignore[arg-type]
        remark=values.get("remark", ""),
        delivery=_delivery(values, defaults),
    )
    for sku, (quantity, price) in draft.units.items():
        price_minor = _minor("price", price, currency)
        request.lines.add(sku=sku, quantity=quantity, unit_price_minor=price_minor)
    amounts = request.amounts
    amounts.goods_minor = sum(it.quantity * it.unit_price_minor for it in request.lines)
    for name in ("discount", "coupon", "freight", "tax"):
        setattr(amounts, f"{name}_minor", _minor(name, values.get(name, "0"), currency))
    off = amounts.discount_minor + amounts.coupon_minor
    amounts.total_minor = max(0, amounts.goods_minor - off) + amounts.freight_minor
    amounts.total_minor += amounts.tax_minor
    if "total" in values and _minor("total", values["total"], currency) != amounts.total_minor:
        adds_up = f"{amounts.total_minor} minor units of {currency}"
        raise ValueError(f"total: is {values['total']}, and its lines add up to {adds_up}")
    return request


def _minor(name: str, text: str, currency: str) -> int:
    """The minor units of an amount as platforms write it: 6.95, 6,95, 1,234.50. ValueError."""
    plain = re.sub(r"[\s£$€¥￥]", "", text)
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    plain = _DECIMAL_COMMA.sub(r"\1.\2", plain) if _DECIMAL_COMMA.fullmatch(plain) else plain
    try:
        return minor_units(plain, currency)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _buyer(shop: str, name: str) -> str:
    """An id for a buyer of a shop; a name that is none becomes a digest, which tells nothing."""
    buyer_id = f"{shop}:{name}"
    if _ID.fullmatch(name) and len(buyer_id) <= KEY_LENGTH_MAX:
        return buyer_id
    return f"{shop}:{blake2b(name.encode(), digest_size=12).hexdigest()}"


def _delivery(values: Mapping[str, str], defaults: Defaults) -> pb.Delivery:
    country = values.get("country", defaults.country)
    country = COUNTRIES.get(country.lower(), country.upper())
    if not re.fullmatch("([A-Z]{2})?", country):
        raise ValueError(f"country: must be two letters or a known name; got {country[:80]!a}")
    street = " ".join(filter(None, (values.get("street"), values.get("street2"))))
    return pb.Delivery(
        country=country,
        street=street,
        wish=pb.DELIVERY_WISH_CHEAPEST,
        **{
            name: values.get(name, "")
            for name in ("name", "phone", "postcode", "region", "city", "district", "email")
        },
    )
