"""Answers to those who place orders, one or many: each order is told alone."""

import asyncio
from contextlib import suppress
from typing import Final

from holdfast.bounds import BATCH_LINES_MAX, ORDERS_MAX
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from order_service.edge import wire
from order_service.edge.failures import BUSINESS_ANSWERS, TRANSLATIONS, outcome_of, refusal
from order_service.edge.requests import DEFAULT_ACTOR, tenant_of
from order_service.order.refusals import InvalidField
from order_service.placing.place import Placed, Placing
from serving.guard import contract_error

TELLING_S: Final = 0.25
"""The time kept of a call's own to tell what came of its orders: a later answer is not heard."""


def tell(placed: Placed, result: pb.OrderResult) -> None:
    """Fills an empty result for an order that was taken or rejected."""
    result.outcome = outcome_of(placed.refusal) if placed.refusal else pb.ORDER_OUTCOME_APPLIED
    result.replayed = placed.replayed
    result.detail = placed.detail
    result.findings.extend(placed.findings)
    wire.fill(placed.order, result.order)
    for short in placed.shortages:
        wire.fill(short, result.shortages.add())


async def place_each(
    placing: Placing, request: pb.PlaceOrdersRequest, ends_at_s: float
) -> pb.PlaceOrdersResponse:
    """Places orders at the same time, so that each step of all of them is one batch.

    `ends_at_s` is the call's deadline in the event loop's time. Raises InvalidField for too many
    orders, and the HoldfastError that is all the answer there is.
    """
    _check_size(request)
    tenant = tenant_of(request)
    loop = asyncio.get_running_loop()
    places = [loop.create_task(_place(placing, one, tenant)) for one in request.orders]
    left_s = ends_at_s - loop.time()
    with suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at_s - min(TELLING_S, left_s / 4)):
            await asyncio.gather(*places, return_exceptions=True)
    response = pb.PlaceOrdersResponse()
    failures = [_tell_one(place, response.results.add()) for place in places]
    _raise_if_alike(failures)
    return response


def _check_size(request: pb.PlaceOrdersRequest) -> None:
    if not 1 <= len(request.orders) <= ORDERS_MAX:
        raise InvalidField("orders", f"must be 1 to {ORDERS_MAX} orders", len(request.orders))
    lines = sum(len(one.lines) for one in request.orders)
    if lines > BATCH_LINES_MAX:
        raise InvalidField("orders", f"must have at most {BATCH_LINES_MAX:,} lines in all", lines)


async def _place(placing: Placing, request: pb.PlaceOrderRequest, tenant: str) -> Placed:
    request.tenant = request.tenant or tenant
    return await placing.place(wire.place_order(request), DEFAULT_ACTOR)


def _tell_one(place: "asyncio.Task[Placed]", result: pb.PlacedOrder) -> HoldfastError | None:
    """Fills an empty result; returns the error that stands in it, if one does."""
    error = HoldfastError.of(Reason.DEADLINE_PASSED) if place.cancelled() else place.exception()
    if error is None:
        tell(place.result(), result.result)
        return None
    if isinstance(error, BUSINESS_ANSWERS):
        result.result.outcome, result.result.detail = refusal(error)
        return None
    assert isinstance(error, Exception)
    failure = contract_error(error, TRANSLATIONS)
    result.reason, result.detail = failure.reason or Reason.INTERNAL, failure.message
    result.reason_values.update(failure.metadata)
    return failure


def _raise_if_alike(failures: list[HoldfastError | None]) -> None:
    """Raises the error that is all the answer there is. What is wrong with each order is told."""
    first = failures[0]
    if first is None or first.reason is Reason.INVALID_FIELD:
        return
    if all(failure is not None and failure.reason is first.reason for failure in failures):
        raise first
