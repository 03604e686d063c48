"""Orders that are placed many at a time: put together to calls, and sent again where that helps."""

from collections.abc import Iterator, Sequence
from typing import Final

from holdfast.bounds import BATCH_LINES_MAX, ORDERS_MAX
from holdfast.errors import HoldfastError
from holdfast.order.v1 import order_pb2 as pb

PLACE_ORDERS: Final = "OrderService.PlaceOrders"


def batches_of(requests: Sequence[pb.PlaceOrderRequest], tenant: str) -> Iterator["OrderBatch"]:
    """The orders in as few batches as one call each can take, in their order."""
    start, lines = 0, 0
    for position, request in enumerate(requests):
        full = position - start == ORDERS_MAX or lines + len(request.lines) > BATCH_LINES_MAX
        if full and position > start:
            yield OrderBatch(requests[start:position], tenant)
            start, lines = position, 0
        lines += len(request.lines)
    if requests:
        yield OrderBatch(requests[start:], tenant)


class OrderBatch:
    """The orders of a call, and what is known to have come of them.

    An order is open until it is judged, or cannot be: then it is not sent again.
    """

    def __init__(self, requests: Sequence[pb.PlaceOrderRequest], tenant: str) -> None:
        self._requests = requests
        self._tenant = tenant
        self._results: dict[int, pb.PlacedOrder] = {}
        self._open = list(range(len(requests)))

    @property
    def results(self) -> list[pb.PlacedOrder]:
        """The last answers about each order, in their order. None is missing after `take`."""
        return [self._results[position] for position in range(len(self._requests))]

    @property
    def is_known(self) -> bool:
        """Whether anything was told at all."""
        return bool(self._results)

    def request(self) -> pb.PlaceOrdersRequest:
        """Asks for the orders that are open."""
        orders = [self._requests[position] for position in self._open]
        return pb.PlaceOrdersRequest(tenant=self._tenant, orders=orders)

    def take(self, response: pb.PlaceOrdersResponse) -> HoldfastError | None:
        """Takes the answer to `request`. Returns why an order is still open; None if none is."""
        still_open, why = [], None
        for position, result in zip(self._open, response.results, strict=True):
            self._results[position] = result
            error = _error_of(result)
            if error is not None and error.retryable:
                still_open.append(position)
                why = error
        self._open = still_open
        return why


def _error_of(result: pb.PlacedOrder) -> HoldfastError | None:
    if not result.reason:
        return None
    return HoldfastError.from_parts(result.reason, result.detail, dict(result.reason_values))
