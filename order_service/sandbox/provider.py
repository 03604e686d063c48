"""The sandbox provider: takes pretended money over HTTP, and reports it as real providers do.

Shops call `/v1`, buyers see the page `/pay`. Tests and demonstrations call `/control`, where a
buyer pays, shares of misbehaviour are set and the books are read.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import date
from html import escape
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from order_service.sandbox.answering import Answering, Problem, authorized, body_of, problem
from order_service.sandbox.callbacks import Callbacks, Fate, Misbehaviour, shares_are_right
from order_service.sandbox.provider_books import Books, SandboxPayment

HANG_S: Final = 30.0
DELAY_MS_MAX: Final = 7 * 86_400_000


class _Start(msgspec.Struct, forbid_unknown_fields=True):
    payment_id: str
    amount_minor: int
    currency: str
    method: str


class _Refund(msgspec.Struct, forbid_unknown_fields=True):
    refund_id: str
    amount_minor: int


class _Pay(msgspec.Struct, forbid_unknown_fields=True):
    payment_id: str
    amount_minor: int = 0
    currency: str = ""
    times: int = 1
    callback: str = ""
    """"lose": it is never sent; "late": after `delay_ms`; "": as chance has it."""
    delay_ms: int = 0
    key: str = ""
    """Names the payment, so that who lost the answer may ask again; "" for none."""


class SandboxProviderApp:
    """A provider that listens where its `app` is mounted."""

    def __init__(
        self,
        *,
        api_key: str,
        secret: str,
        clock_ms: Callable[[], int],
        callback_url: str = "",
        path: str = "",
        seed: int = 0,
    ) -> None:
        self.books = Books(path)
        self._chance = random.Random(seed)
        self.callbacks = Callbacks(callback_url, secret, self._chance, clock_ms)
        self._keys: set[str] = set()
        self._api_key = api_key
        self._clock_ms = clock_ms
        shop = self._for_shops
        self.app = Starlette(
            routes=[
                Route("/v1/payments", shop(self._start), methods=["POST"]),
                Route("/v1/payments/{number}", shop(self._query)),
                Route("/v1/payments/{number}/close", shop(self._close), methods=["POST"]),
                Route("/v1/payments/{number}/refunds", shop(self._refund), methods=["POST"]),
                Route("/v1/payments/{number}/refunds", shop(self._refunds)),
                Route("/v1/statements/{day}", shop(self._statement)),
                Route("/pay/{number}", self._page, methods=["GET", "POST"], name="page"),
                Route("/control/pay", self._authorized(self._pay), methods=["POST"]),
                Route("/control/decline", self._authorized(self._decline), methods=["POST"]),
                Route("/control/misbehave", self._authorized(self._misbehave), methods=["POST"]),
                Route("/control/books", self._authorized(self._sums)),
                Route("/control/payments/{number}", self._authorized(self._look)),
            ]
        )

    async def aclose(self) -> None:
        """Ends what is under way, and closes the books."""
        await self.callbacks.aclose()
        self.books.close()

    def pay(
        self,
        payment: SandboxPayment,
        amount_minor: int,
        currency: str,
        times: int,
        fate: Fate = Fate(),  # noqa: B008 - frozen
    ) -> None:
        """A buyer pays, with the luck that misbehaviour leaves."""
        misbehaviour = self.callbacks.misbehaviour
        if self._happens(misbehaviour.decline):
            self.decline(payment)
            return
        if self._happens(misbehaviour.wrong_amount):
            amount_minor += self._chance.choice((-1, 1))
        if self._happens(misbehaviour.pay_twice):
            times += 1
        for _ in range(times):
            self.books.capture(payment, amount_minor, currency, self._clock_ms())
            self.callbacks.announce(payment.fact(), fate)

    def decline(self, payment: SandboxPayment) -> None:
        """The buyer's bank says no."""
        self.books.end(payment, "DECLINED")
        self.callbacks.announce(payment.fact())

    def _happens(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    def _authorized(self, answering: Answering) -> Answering:
        return authorized(self._api_key, answering)

    def _for_shops(self, answering: Answering) -> Answering:
        checked = self._authorized(answering)

        async def unless_down(request: Request) -> Response:
            down = self.callbacks.misbehaviour.down
            if down == "hang":
                await asyncio.sleep(HANG_S)
            if down:
                return problem(503, "the provider is down")
            return await checked(request)

        return unless_down

    async def _start(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Start)
        if asked.amount_minor < 1 or not asked.payment_id:
            return problem(422, "payment_id and a positive amount_minor are needed")
        payment = self.books.start(*msgspec.structs.astuple(asked))
        page = str(request.url_for("page", number=payment.provider_ref))
        return JSONResponse({"provider_ref": payment.provider_ref, "action_url": page})

    async def _query(self, request: Request) -> Response:
        return JSONResponse(self._named(request).fact())

    async def _close(self, request: Request) -> Response:
        payment = self._named(request)
        self.books.end(payment, "CLOSED")
        return JSONResponse(payment.fact())

    async def _refund(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Refund)
        payment = self._named(request)
        if asked.amount_minor < 1 or not asked.refund_id:
            return problem(422, "refund_id and a positive amount_minor are needed")
        refuse = self._happens(self.callbacks.misbehaviour.refuse_refund)
        refund = self.books.refund(
            payment, asked.refund_id, asked.amount_minor, self._clock_ms(), refuse=refuse
        )
        fact = payment.refund_fact(refund)
        self.callbacks.announce(fact)
        return JSONResponse(fact)

    async def _refunds(self, request: Request) -> Response:
        payment = self._named(request)
        return JSONResponse([payment.refund_fact(refund) for refund in payment.refunds])

    async def _statement(self, request: Request) -> Response:
        day = date.fromisoformat(request.path_params["day"])
        after = int(request.query_params.get("cursor") or 0)
        entries, cursor = self.books.statement(day, after)
        return JSONResponse({"entries": entries, "next_cursor": cursor})

    async def _page(self, request: Request) -> Response:
        payment = self.books.find(request.path_params["number"])
        if payment is None:
            return HTMLResponse("<p>There is no such payment.", 404)
        if request.method == "POST" and payment.kind == "OPEN":
            if (await body_of(request)) == b"action=decline":
                self.decline(payment)
            else:
                self.pay(payment, payment.amount_minor, payment.currency, 1)
        return HTMLResponse(_page_of(payment))

    async def _pay(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Pay)
        payment = self._known(asked.payment_id)
        if asked.callback not in ("", "lose", "late") or not 0 <= asked.delay_ms <= DELAY_MS_MAX:
            return problem(422, f'callback is "", "lose" or "late"; delay_ms 0 to {DELAY_MS_MAX:,}')
        if asked.key and asked.key in self._keys:
            return JSONResponse(payment.fact())
        self._keys.add(asked.key)
        # A closed payment, too: the buyer's bank had sent the money before.
        self.pay(
            payment,
            asked.amount_minor or payment.amount_minor,
            asked.currency or payment.currency,
            asked.times,
            Fate(asked.callback == "lose", asked.delay_ms if asked.callback == "late" else 0),
        )
        return JSONResponse(payment.fact())

    async def _decline(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Pay)
        payment = self._known(asked.payment_id)
        self.decline(payment)
        return JSONResponse(payment.fact())

    async def _misbehave(self, request: Request) -> Response:
        misbehaviour = msgspec.json.decode(await body_of(request), type=Misbehaviour, strict=False)
        if not shares_are_right(misbehaviour):
            return problem(422, "shares are from 0 to 1")
        if misbehaviour.down not in ("", "refuse", "hang"):
            return problem(422, 'down is "", "refuse" or "hang"')
        self.callbacks.misbehaviour = misbehaviour
        return JSONResponse(msgspec.to_builtins(misbehaviour))

    async def _look(self, request: Request) -> Response:
        """A payment for who steers it; by an order's id its newest."""
        name = request.path_params["number"]
        payment = self.books.find(name) or self.books.newest_of(name)
        if payment is None:
            raise Problem(404, f"there is no payment {name}, and no payment of an order {name}")
        return JSONResponse(payment.fact() | {"asked_minor": payment.amount_minor})

    async def _sums(self, _request: Request) -> Response:
        counts = {"callbacks_sent": self.callbacks.sent, "callbacks_lost": self.callbacks.lost}
        return JSONResponse(self.books.sums() | counts)

    def _named(self, request: Request) -> SandboxPayment:
        return self._known(request.path_params["number"])

    def _known(self, number: str) -> SandboxPayment:
        payment = self.books.find(number)
        if payment is None:
            raise Problem(404, "there is no such payment")
        return payment


def _page_of(payment: SandboxPayment) -> str:
    about = f"{payment.amount_minor} minor units of {escape(payment.currency)}"
    form = (
        '<form method="post"><button name="action" value="pay">Pay</button> '
        '<button name="action" value="decline">Decline</button></form>'
    )
    return (
        "<!doctype html><title>Sandbox payment</title><h1>Sandbox payment</h1>"
        f"<p>{escape(payment.payment_id)}: {about}<p>{payment.kind}"
        f"{form if payment.kind == 'OPEN' else ''}"
    )
