"""Takes the callbacks of carriers: `POST /callbacks/carrier/{name}`, each event once."""

from collections.abc import Callable, Sequence

from starlette.routing import Route

from order_service.fulfilment.carriers.port import CarrierEvent, Carriers
from order_service.fulfilment.intake import TrackingIntake
from order_service.http.callbacks import Prove, callback_route


def carrier_callbacks(
    intake: TrackingIntake, carriers: Carriers, clock_s: Callable[[], float]
) -> Route:
    """The route of all carriers. `clock_s` is the time since the Unix epoch in seconds."""

    async def take(name: str, events: Sequence[CarrierEvent]) -> None:
        for event in events:
            await intake.take(name, event)

    def prover(name: str) -> Prove[Sequence[CarrierEvent]] | None:
        carrier = carriers.get(name)
        return carrier.read_callback if carrier else None

    return callback_route("/callbacks/carrier/{name}", "carrier", prover, take, clock_s)
