"""Where carriers tell what became of parcels: `POST /callbacks/carrier/{name}` over HTTP.

A callback is proven on its raw bytes first, then its events are written to their orders, each once,
and only then is it answered 200: a carrier that hears anything else sends it again. Nothing of a
body reaches a log.
"""

from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from order_service.fulfilment.carriers.port import Carriers
from order_service.fulfilment.intake import TrackingIntake
from order_service.http.signatures import CallbackForged
from order_service.payment.callbacks import BODY_BYTES_MAX, BodyTooLarge, body_of
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded

log = structlog.get_logger()


class CarrierCallbacks:
    """Takes the callbacks of carriers. `clock_s` is the time since the Unix epoch in seconds."""

    def __init__(
        self, intake: TrackingIntake, carriers: Carriers, clock_s: Callable[[], float]
    ) -> None:
        self._intake = intake
        self._carriers = carriers
        self._clock_s = clock_s
        self.routes = [Route("/callbacks/carrier/{name}", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        carrier = self._carriers.get(name)
        if carrier is None:
            return PlainTextResponse("no such carrier", 404)
        try:
            body = await body_of(request)
            events = carrier.read_callback(body, request.headers, self._clock_s())
        except BodyTooLarge:
            return PlainTextResponse(f"at most {BODY_BYTES_MAX} bytes", 413)
        except CallbackForged as error:
            log.warning("a callback was refused", carrier=name, problem=type(error).__name__)
            return PlainTextResponse("not proven to come from the carrier", 400)
        try:
            for event in events:
                await self._intake.take(name, event)
        except (StorageUnavailable, Conflict, Overloaded) as error:
            log.warning("a callback has to come again", carrier=name, problem=type(error).__name__)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("taken")
