"""The ways to pay that are offered: one table, made from the configuration (P1)."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from order_service.order.model import CASH_ON_DELIVERY

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
GRACE_MS: Final = 2 * MINUTE_MS
CASH: Final = "cash"
"""The provider's name of payments at the door: the carrier takes the money, and reports it."""
ELSEWHERE: Final = "elsewhere"
"""The provider's name of money that the platform of an imported order has taken before."""
PAID_ELSEWHERE: Final = "paid_elsewhere"
BY_HAND: Final = frozenset({CASH, ELSEWHERE})
"""Names of providers that are none of ours: nobody has a statement, and a person pays back."""


class Method(NamedTuple):
    """One way to pay."""

    provider: str
    """The provider that takes the money; `CASH` for the carrier, on delivery (货到付款)."""
    due_ms: int
    """For how long the stock is reserved for the payment; 0: the order is effective before it."""
    grace_ms: int = GRACE_MS
    """For how long the stock stays reserved after the payment is due: then providers are asked."""

    @property
    def on_delivery(self) -> bool:
        """Whether it is paid at the door."""
        return self.provider == CASH

    @property
    def sold_at_once(self) -> bool:
        """Whether an order is effective as soon as its stock is reserved."""
        return self.provider in BY_HAND


Methods = Mapping[str, Method]
"""By the name that an order has in `payment_method`."""


def methods_of(providers: Iterable[str]) -> dict[str, Method]:
    """The methods that are offered, given the providers that are set up."""
    offered = {CASH_ON_DELIVERY: Method(CASH, 0), PAID_ELSEWHERE: Method(ELSEWHERE, 0)}
    for provider in providers:
        for name, times_ms in OF_PROVIDERS[provider].items():
            offered[name] = Method(provider, *times_ms)
    return offered


# A bank transfer takes longer than a card, and its stock waits for it. With Stripe the buyer
# chooses the means on the page. The hasty one of the sandbox demonstrates payments that come
# too late.
OF_PROVIDERS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    "sandbox": {
        "sandbox_card": (15 * MINUTE_MS,),
        "sandbox_transfer": (120 * MINUTE_MS,),
        "sandbox_hasty": (3 * SECOND_MS, SECOND_MS),
    },
    "stripe": {"stripe": (30 * MINUTE_MS,)},
}
