"""Where providers tell what happened: `POST /callbacks/{provider}` over HTTP.

A callback is proven on its raw bytes first, then its fact is written to its order, each event once,
and only then is it answered 200: a provider that hears anything else sends it again. Nothing of a
body reaches a log.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from order_service.http.signatures import CallbackForged
from order_service.order.draft import Draft, order_id_of
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.providers.port import Callback, Fact, Providers
from order_service.payment.strays import keep_stray
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded
from order_service.storage.orders import Orders

log = structlog.get_logger()

BODY_BYTES_MAX: Final = 65_536


class BodyTooLarge(Exception):
    """More bytes than a callback may have."""


class PaymentCallbacks:
    """Takes the callbacks of providers. `clock_s` is the time since the Unix epoch in seconds."""

    def __init__(self, orders: Orders, providers: Providers, clock_s: Callable[[], float]) -> None:
        self._orders = orders
        self._providers = providers
        self._clock_s = clock_s
        self.routes = [Route("/callbacks/{provider}", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["provider"]
        provider = self._providers.get(name)
        if provider is None:
            return PlainTextResponse("no such provider", 404)
        try:
            body = await body_of(request)
            callback = provider.verify_callback(body, request.headers, self._clock_s())
        except BodyTooLarge:
            return PlainTextResponse(f"at most {BODY_BYTES_MAX} bytes", 413)
        except CallbackForged as error:
            log.warning("a callback was refused", provider=name, problem=type(error).__name__)
            return PlainTextResponse("not proven to come from the provider", 400)
        try:
            await self.take(name, callback)
        except (StorageUnavailable, Conflict, Overloaded) as error:
            log.warning("a callback has to come again", provider=name, problem=type(error).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("taken")

    async def take(self, provider: str, callback: Callback) -> None:
        """Gives a proven callback its effect, once. Returns when that is on disk."""
        fact = callback.fact
        if fact is None:
            return
        order_id = order_id_of(fact.refund_id or fact.payment_id)
        decide: Callable[[Draft], None] = partial(learn, provider=provider, fact=fact)
        once = f"{provider}:{callback.event_id}"
        try:
            await self._orders.change(order_id, decide, actor=f"provider:{provider}", once=once)
        except AlreadySeen:
            return
        except (OrderNotFound, UnknownPayment):
            await self._keep(provider, callback, fact)

    async def _keep(self, provider: str, callback: Callback, fact: Fact) -> None:
        now_ms = self._orders.clock_ms()
        await self._orders.write(
            partial(keep_stray, provider=provider, callback=callback, fact=fact, now_ms=now_ms)
        )
        log.warning(
            "a callback names a payment that is not known", provider=provider, kind=fact.kind
        )


async def body_of(request: Request) -> bytes:
    """The raw body of a callback. Raises BodyTooLarge."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)
