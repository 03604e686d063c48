"""Where providers tell what happened to payments: `POST /callbacks/{name}`, each event once."""

from collections.abc import Callable
from functools import partial

import structlog
from starlette.routing import Route

from order_service.http.callbacks import callback_route
from order_service.order.draft import Draft
from order_service.payment.books import keep_stray, lacks_ours, with_our_numbers
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.providers.port import Callback, Providers
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.orders import Orders

log = structlog.get_logger()


def payment_callbacks(orders: Orders, providers: Providers, clock_s: Callable[[], float]) -> Route:
    """The route of all providers. `clock_s` is the time since the Unix epoch in seconds."""
    take = partial(_take, orders)
    return callback_route(
        "/callbacks/{name}", "provider", providers, lambda it: it.verify_callback, take, clock_s
    )


async def _take(orders: Orders, provider: str, callback: Callback) -> None:
    """Gives a proven callback its effect, once. Returns when that is on disk."""
    fact = callback.fact
    if fact is None:
        log.info("a callback says nothing of ours", provider=provider, about=callback.about)
        return
    if lacks_ours(fact):
        (fact,) = await orders.read(partial(with_our_numbers, provider=provider, facts=[fact]))
    decide: Callable[[Draft], None] = partial(learn, provider=provider, fact=fact)
    # What a known id says anew has its effect; the same fact again has none.
    once = f"{provider}:{callback.event_id}:{fact.kind}:{fact.amount_minor}:{fact.currency}"
    try:
        await orders.change(fact.order_id, decide, actor=f"provider:{provider}", once=once)
    except AlreadySeen:
        return
    except (OrderNotFound, UnknownPayment):
        keep = partial(
            keep_stray, provider=provider, callback=callback, fact=fact, now_ms=orders.clock_ms()
        )
        await orders.write(keep)
        log.warning(
            "a callback names a payment that is not known", provider=provider, kind=fact.kind
        )
