"""Begins an attempt to pay while the buyer waits: written down first, then sent to the provider."""

from functools import partial

from msgspec import Struct

from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.refusals import RefusalReason, Refused
from order_service.payment.attempts import (
    OPEN,
    accepted,
    charge_of,
    is_forgotten,
    start_payment,
)
from order_service.payment.facts import learn
from order_service.payment.methods import Methods
from order_service.payment.providers.port import (
    Charge,
    Fact,
    FactKind,
    ProviderRefuses,
    Providers,
    ProviderUnreachable,
    Started,
)
from order_service.storage.batch import OrderNotFound
from order_service.storage.orders import Orders


class Attempt(Struct, frozen=True):
    """An attempt to pay; where the buyer goes on is "" while the provider is silent."""

    payment: Payment
    replayed: bool
    started: Started


class PaymentDesk:
    """Where attempts to pay begin."""

    def __init__(self, orders: Orders, providers: Providers, methods: Methods) -> None:
        self._orders = orders
        self._providers = providers
        self.methods = methods

    async def start(self, tenant: str, order_id: str, payment_key: str, method: str) -> Attempt:
        """Begins an attempt, once per key; where it is known, its provider is asked to go on.

        Raises Refused (see `start_payment`; PROVIDER_DECLINED), OrderNotFound.
        """

        def decide(draft: Draft) -> tuple[Charge, Payment, bool]:
            if draft.order.tenant != tenant:
                raise OrderNotFound(order_id)
            payment, replayed = start_payment(draft, payment_key, method, self.methods)
            return charge_of(draft.order, payment), payment, replayed

        charge, payment, replayed = await self._orders.change(order_id, decide, actor="buyer")
        provider = self._providers.get(payment.provider)
        started = Started(payment.provider_ref)
        too_late = not payment.provider_ref and is_forgotten(payment, self._orders.clock_ms())
        if provider is None or payment.state not in OPEN or too_late:
            return Attempt(payment, replayed, started)
        try:
            started = await provider.start(charge)
        except ProviderUnreachable:
            # The task starts it later; a buyer who asks again with the same key gets the address.
            return Attempt(payment, replayed, started)
        except ProviderRefuses as error:
            fact = Fact(FactKind.DECLINED, payment.payment_id)
            decline = partial(learn, provider=payment.provider, fact=fact)
            await self._orders.change(order_id, decline, actor=f"provider:{payment.provider}")
            raise Refused(RefusalReason.PROVIDER_DECLINED, why=str(error)) from error
        if not payment.provider_ref:
            accept = partial(accepted, payment_id=payment.payment_id, started=started)
            payment = await self._orders.change(
                order_id, accept, actor=f"provider:{payment.provider}"
            )
        return Attempt(payment, replayed, started)
