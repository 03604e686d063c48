"""Options that belong together: the amounts of an order, and where it goes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cyclopts import Group, Parameter

from holdfast.cli.arguments import Units as WholeNumber
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.arguments import NO_LIMIT, TemperatureLimit, Wanted, WishName
from holdfast.money import minor_units
from holdfast.order.v1 import catalogue_pb2
from holdfast.order.v1 import order_pb2 as pb

AMOUNTS = Group("Amounts", sort_key=1)
DELIVERY = Group("Delivery", sort_key=2)
ARTICLE = Group("Article", sort_key=1)


@Parameter(name="*", group=AMOUNTS)
@dataclass(frozen=True, slots=True)
class AmountOptions:
    """The amounts of an order beside its lines, in its currency."""

    discount: str = "0"
    """Discount of the shop."""
    coupon: str = "0"
    """Discount by the buyer's coupon."""
    freight: str = "0"
    """Price of the delivery."""
    tax: str = "0"
    """The tax, as far as prices do not include it."""

    def with_lines(self, lines: Iterable[Wanted], currency: str) -> pb.Amounts:
        """The amounts, added up. Raises Failure for a text that is no amount of the currency."""
        amounts = pb.Amounts(
            goods_minor=sum(line.quantity * minor("line", line.price, currency) for line in lines),
            **{f"{name}_minor": minor(name, text, currency) for name, text in asdict(self).items()},
        )
        off = amounts.discount_minor + amounts.coupon_minor
        amounts.total_minor = amounts.goods_minor - off + amounts.freight_minor + amounts.tax_minor
        return amounts


@Parameter(name="*", group=DELIVERY)
@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """The person who receives an order, and the address."""

    name: str
    """Name of the person who receives the parcel."""
    phone: str
    """Their phone number."""
    country: str = ""
    """The country's two letters [default: the service's default country]."""
    postcode: str = ""
    """The postcode."""
    region: str = ""
    """The province or state."""
    city: str = ""
    """The city."""
    district: str = ""
    """The district."""
    street: str = ""
    """Street and house number."""
    email: str = ""
    """Where notices go."""
    wish: WishName = "CHEAPEST"
    """Kind of carrier: cheapest or fastest."""

    def message(self) -> pb.Delivery:
        """The delivery as a message of the contract."""
        wish = pb.DeliveryWish.Value(f"DELIVERY_WISH_{self.wish}")
        return pb.Delivery(**asdict(self) | {"wish": wish})


@Parameter(name="*", group=ARTICLE)
@dataclass(frozen=True, slots=True)
class ArticleOptions:
    """Fields of an article; one that is not given stays as it is."""

    title: str | None = None
    """Name for people [of a new article: the SKU]."""
    merchant: str | None = None
    """Merchant that delivers it [of a new article: default]."""
    currency: str | None = None
    """Currency of the price [of a new article: CNY]."""
    zone: str | None = None
    """Where in a warehouse its units lie."""
    weight_g: WholeNumber | None = None
    """Weight of a unit, in grams."""
    temperature_min: TemperatureLimit | None = None
    """How cold it may get on its way, in degrees Celsius; none: no limit."""
    temperature_max: TemperatureLimit | None = None
    """How warm it may get on its way, in degrees Celsius; none: no limit."""
    customised: bool | None = None
    """Made for its buyer: not to be returned without a reason."""
    fragile: bool | None = None
    """Breaks easily: not to be returned without a reason."""
    withdrawn: bool | None = None
    """No longer sold."""

    def apply(self, article: catalogue_pb2.Article) -> set[str]:
        """Changes an article; the answer is the names of the fields that were given."""
        given = set()
        for option, value in asdict(self).items():
            name = _ARTICLE_FIELDS.get(option, option)
            if value is None:
                continue
            given.add(name)
            if value == NO_LIMIT:
                article.ClearField(name)  # type: ignore[arg-type]  # mypy wants to see the names
            else:
                setattr(article, name, value)
        return given


# Fields of the contract's article that have another name than their option.
_ARTICLE_FIELDS = {
    "merchant": "merchant_id",
    "temperature_min": "temperature_min_millicelsius",
    "temperature_max": "temperature_max_millicelsius",
}


@Parameter(name="*", group=DELIVERY)
@dataclass(frozen=True, slots=True)
class CorrectionOptions:
    """Corrections of a delivery; a field that is not given stays as it is."""

    name: str | None = None
    """Name of the person who receives the parcel."""
    phone: str | None = None
    """Their phone number."""
    postcode: str | None = None
    """The postcode."""
    region: str | None = None
    """The province or state."""
    city: str | None = None
    """The city."""
    district: str | None = None
    """The district."""
    street: str | None = None
    """Street and house number."""
    email: str | None = None
    """Where notices go."""

    def apply(self, delivery: pb.Delivery) -> None:
        """Corrects a delivery."""
        for name, value in asdict(self).items():
            if value is not None:
                setattr(delivery, name, value)


NO_AMOUNTS = AmountOptions()
NO_CHANGES = ArticleOptions()
NO_CORRECTIONS = CorrectionOptions()


def minor(option: str, text: str, currency: str) -> int:
    """The minor units of an option's amount. Raises Failure."""
    try:
        return minor_units(text, currency)
    except ValueError as error:
        raise usage_failure(
            f"Invalid value for --{option}: {error}. See `holdfast orders place --help`"
        ) from error
