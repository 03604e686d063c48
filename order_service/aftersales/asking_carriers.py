"""Asks carriers to bring parcels back."""

from functools import partial

from order_service.aftersales.intercepting import answer, intercept_in
from order_service.fulfilment.carriers.port import CarrierRefuses, Carriers, CarrierUnreachable
from order_service.order.draft import Decide
from order_service.order.intercepts import InterceptState
from order_service.order.model import Order
from order_service.order.tasks import AskToIntercept, Todo
from order_service.relay.handler import Learned, TryLater, handles


class InterceptTasks:
    """Does the tasks of intercepts, given the carriers."""

    def __init__(self, carriers: Carriers) -> None:
        self._carriers = carriers

    @handles(AskToIntercept)
    async def ask(self, order: Order, todo: Todo[AskToIntercept]) -> Decide | None:
        """Asks a parcel's carrier; one that cannot be asked so is asked by a person."""
        asked = intercept_in(order, todo.payload.intercept_id)
        shipment = order.shipment(asked.shipment_id)
        carrier = self._carriers.get(shipment.carrier)
        if asked.state is not InterceptState.ASKED or carrier is None:
            return None
        why = f"{shipment.carrier} says so"
        try:
            accepts = await carrier.intercept(shipment.shipment_id)
        except CarrierRefuses as error:
            accepts, why = False, f"{shipment.carrier} refuses: {error}"
        except CarrierUnreachable as error:
            raise TryLater(f"{shipment.carrier} does not answer") from error
        if accepts is None:
            return None
        return Learned(partial(answer, intercept_id=asked.intercept_id, accepts=accepts, why=why))
