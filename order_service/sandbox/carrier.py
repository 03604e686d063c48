"""The sandbox carrier: takes pretended parcels over HTTP, and reports on them as real carriers do.

Shops call `/v1`. Tests and demonstrations call `/control`, to send the van, advance time, set the
shares of misbehaviour and read the books. Where the order service reports its shipments to
`/events`, the van comes for them without being sent.
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from order_service.sandbox.answering import Answering, Problem, authorized, body_of, problem
from order_service.sandbox.callbacks import Callbacks, Misbehaviour, shares_are_right
from order_service.sandbox.carrier_books import CarrierBooks, SandboxShipment
from order_service.sandbox.carrier_journey import (
    HOUR_MS,
    Mishaps,
    journey_of,
    turned,
    turned_by_sender,
)
from serving.loops import kept

TICK_S: Final = 0.2
WEIGHT_G_MAX: Final = 30_000
DELAY_MS_MAX: Final = 365 * 24 * HOUR_MS
HANDED_OVER: Final = "holdfast.order.v1.shipment.shipped"
NOT_SERVED: Final = frozenset({"AQ"})

# Base price, price of each begun kilogram, promised time.
SERVICES: Final[dict[str, tuple[int, int, int]]] = {
    "standard": (800, 200, 72 * HOUR_MS),
    "express": (2_000, 500, 24 * HOUR_MS),
}


class _Shipment(msgspec.Struct):
    country: str
    weight_g: int
    currency: str
    collect_minor: int = 0
    service: str = ""


class _Collect(msgspec.Struct, forbid_unknown_fields=True):
    shipment_ids: list[str] = []


class _EventData(msgspec.Struct):
    part_id: str


class _Event(msgspec.Struct):
    type: str
    data: _EventData


class _Advance(msgspec.Struct, forbid_unknown_fields=True):
    ms: int


class _Befall(msgspec.Struct, forbid_unknown_fields=True):
    shipment_id: str
    fate: Literal["lose", "damage", "delay", "refuse", "return"]
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=DELAY_MS_MAX)] = 0


class _Misbehave(msgspec.Struct, forbid_unknown_fields=True):
    parcels: Mishaps = Mishaps()
    callbacks: Misbehaviour = msgspec.field(default_factory=Misbehaviour)


class SandboxCarrierApp:
    """A carrier that listens where its `app` is mounted."""

    def __init__(
        self,
        *,
        api_key: str,
        secret: str,
        clock_ms: Callable[[], int],
        callback_url: str = "",
        path: str = "",
        seed: int = 0,
        deliver_ms: int = 0,
    ) -> None:
        """With `deliver_ms` every parcel takes that time, whatever was promised."""
        self.books = CarrierBooks(path)
        self.callbacks = Callbacks(callback_url, secret, random.Random(seed), clock_ms)
        self.mishaps = Mishaps()
        self._api_key = api_key
        self._clock_ms = clock_ms
        self._ahead_ms = 0
        self._seed = seed
        self._deliver_ms = deliver_ms
        self._key = Webhook(secret)
        self._ticking: asyncio.Task[None] | None = None
        self.app = Starlette(
            routes=[
                Route("/v1/quotes", self._authorized(self._quote), methods=["POST"]),
                Route("/v1/labels/{shipment_id}", self._authorized(self._label), methods=["PUT"]),
                Route("/v1/labels/{shipment_id}", self._authorized(self._void), methods=["DELETE"]),
                Route("/v1/parcels/{shipment_id}/events", self._authorized(self._events)),
                Route(
                    "/v1/parcels/{shipment_id}/intercept",
                    self._authorized(self._intercept),
                    methods=["POST"],
                ),
                Route("/events", self._shipped, methods=["POST"]),
                Route("/control/collect", self._authorized(self._collect), methods=["POST"]),
                Route("/control/advance", self._authorized(self._advance), methods=["POST"]),
                Route("/control/misbehave", self._authorized(self._misbehave), methods=["POST"]),
                Route("/control/parcel", self._authorized(self._befall), methods=["POST"]),
                Route("/control/books", self._authorized(self._sums)),
            ]
        )

    def start(self) -> None:
        """Lets parcels travel, also those that were on their way before."""
        self._ticking = self._ticking or asyncio.create_task(kept("journeys", self._tick))

    async def aclose(self) -> None:
        """Ends what is under way, and closes the books."""
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        await self.callbacks.aclose()
        self.books.close()

    def collect(self, shipment: SandboxShipment) -> None:
        """The van takes a parcel: its journey begins."""
        transit_ms = self._deliver_ms or shipment.transit_ms
        journey = journey_of(shipment, self._now_ms(), transit_ms, self.mishaps, self._seed)
        self.books.begin(shipment, journey)
        self.catch_up()

    def catch_up(self) -> int:
        """Lets every stop happen that is due by now; returns their number."""
        happened = 0
        while event := self.books.next_stop(self._now_ms()):
            self.callbacks.announce(event)
            happened += 1
        return happened

    def _now_ms(self) -> int:
        return self._clock_ms() + self._ahead_ms

    def _authorized(self, answering: Answering) -> Answering:
        checked = authorized(self._api_key, answering)

        async def started(request: Request) -> Response:
            self.start()
            return await checked(request)

        return started

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.catch_up()

    async def _quote(self, request: Request) -> Response:
        shipment = msgspec.json.decode(await body_of(request), type=_Shipment)
        offers = [
            {
                "service": service,
                "freight_minor": _freight_minor(service, shipment.weight_g),
                "currency": shipment.currency,
                "transit_ms": transit_ms,
            }
            for service, (_, _, transit_ms) in SERVICES.items()
            if _goes(shipment)
        ]
        return JSONResponse({"offers": offers})

    async def _label(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Shipment)
        shipment_id = request.path_params["shipment_id"]
        shipment = self.books.find(shipment_id)
        if shipment is None:
            if asked.service not in SERVICES or not _goes(asked):
                return problem(409, "not_served")
            shipment = SandboxShipment(
                shipment_id=shipment_id,
                service=asked.service,
                waybill=_waybill(shipment_id),
                freight_minor=_freight_minor(asked.service, asked.weight_g),
                transit_ms=SERVICES[asked.service][2],
                currency=asked.currency,
                collect_minor=asked.collect_minor,
                country=asked.country,
            )
            self.books.keep(shipment)
        if shipment.state == "VOID":
            return problem(409, "void")
        return JSONResponse(
            {
                "waybill": shipment.waybill,
                "freight_minor": shipment.freight_minor,
                "transit_ms": shipment.transit_ms,
            }
        )

    async def _void(self, request: Request) -> Response:
        shipment = self._named(request)
        if shipment.state == "COLLECTED":
            return problem(409, "collected")
        shipment.state = "VOID"
        self.books.keep(shipment)
        return JSONResponse({})

    async def _events(self, request: Request) -> Response:
        shipment = self._named(request)
        return JSONResponse({"events": [shipment.event(n) for n in range(shipment.happened)]})

    async def _intercept(self, request: Request) -> Response:
        """Turns a parcel on its way back; one that is at the door already goes on."""
        shipment = self._named(request)
        way = turned_by_sender(shipment, self._now_ms())
        if way and not shipment.is_coming_back:
            self.books.go_on(shipment, way)
        return JSONResponse({"accepted": bool(way)})

    async def _collect(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Collect)
        collected = []
        for shipment_id in asked.shipment_ids or self.books.waiting():
            shipment = self.books.find(shipment_id)
            if shipment is not None and shipment.state == "LABELLED":
                self.collect(shipment)
                collected.append(shipment_id)
        return JSONResponse({"collected": collected})

    async def _shipped(self, request: Request) -> Response:
        """Takes an event of the order service: the van collects a parcel that was handed over."""
        try:
            sent = self._key.verify(await body_of(request), dict(request.headers))
        except (WebhookVerificationError, ValueError):
            return problem(401, "it is not signed with our secret")
        event = msgspec.convert(sent, type=_Event)
        shipment = self.books.find(event.data.part_id)
        if event.type == HANDED_OVER and shipment is not None and shipment.state == "LABELLED":
            self.start()
            self.collect(shipment)
        return Response(status_code=204)

    async def _advance(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Advance)
        if asked.ms < 0:
            return problem(422, "ms: time does not go backwards")
        self._ahead_ms += asked.ms
        return JSONResponse({"happened": self.catch_up(), "now_ms": self._now_ms()})

    async def _misbehave(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Misbehave, strict=False)
        if not (shares_are_right(asked.callbacks) and shares_are_right(asked.parcels)):
            return problem(422, "shares are from 0 to 1")
        self.mishaps, self.callbacks.misbehaviour = asked.parcels, asked.callbacks
        return JSONResponse(msgspec.to_builtins(asked))

    async def _befall(self, request: Request) -> Response:
        asked = msgspec.json.decode(await body_of(request), type=_Befall)
        shipment = self.books.find(asked.shipment_id) or self.books.newest_of(asked.shipment_id)
        if shipment is None:
            raise Problem(404, f"there is no waybill for {asked.shipment_id}: pack it first")
        before = (shipment.fate, shipment.delay_ms) == (asked.fate, asked.delay_ms)
        if not before and (shipment.has_arrived or shipment.state == "VOID"):
            raise Problem(409, f"{shipment.shipment_id} is at the end of its journey")
        if not before and shipment.is_coming_back and asked.fate in ("refuse", "return"):
            raise Problem(409, f"{shipment.shipment_id} is on its way back already")
        if not before:
            shipment.fate, shipment.delay_ms = asked.fate, asked.delay_ms
            on_its_way = shipment.state == "COLLECTED"
            journey = turned(shipment, self._now_ms()) if on_its_way else shipment.journey
            self.books.go_on(shipment, journey)
            self.catch_up()
        return JSONResponse({"shipment_id": shipment.shipment_id, "replayed": before})

    async def _sums(self, _request: Request) -> Response:
        counts = {"callbacks_sent": self.callbacks.sent, "callbacks_lost": self.callbacks.lost}
        return JSONResponse(self.books.sums() | counts)

    def _named(self, request: Request) -> SandboxShipment:
        shipment = self.books.find(request.path_params["shipment_id"])
        if shipment is None:
            raise Problem(404, "unknown")
        return shipment


def _goes(shipment: _Shipment) -> bool:
    return shipment.country not in NOT_SERVED and 0 < shipment.weight_g <= WEIGHT_G_MAX


def _freight_minor(service: str, weight_g: int) -> int:
    base_minor, kilogram_minor, _ = SERVICES[service]
    return base_minor + kilogram_minor * -(-weight_g // 1_000)


def _waybill(shipment_id: str) -> str:
    digest = hashlib.sha256(shipment_id.encode()).digest()
    return f"SB{int.from_bytes(digest[:8], 'big') % 10**12:012d}"
