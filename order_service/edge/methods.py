"""Decorators of servicers' methods, and what all methods do: change an order, read a page.

A decorated method gets its request alone. It ends at its call's deadline, and what it raises of
BUSINESS_ANSWERS is the outcome of its answer, if it is a command.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial, wraps
from typing import Any, Protocol, TypeVar

from order_service.edge.failures import BUSINESS_ANSWERS, refusal
from order_service.edge.requests import DEFAULT_ACTOR, of_tenant, page_size_of, tenant_of
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines
from serving.guard import Context

T = TypeVar("T")


class Limited(Protocol):
    """A servicer whose methods end at their calls' deadlines."""

    deadlines: Deadlines


S = TypeVar("S", bound=Limited)
Request = TypeVar("Request")
Response = TypeVar("Response")
Undecorated = Callable[[S, Request], Awaitable[Response]]
Method = Callable[[S, Request, Context], Awaitable[Response]]


def method(serve: Undecorated[S, Request, Response]) -> Method[S, Request, Response]:
    """A method that reads, or that has no outcome: all it raises is an error."""

    @wraps(serve)
    async def limited(servicer: S, request: Request, context: Context) -> Response:
        async with servicer.deadlines.limit(context):
            return await serve(servicer, request)

    return limited


def command(
    response: Callable[..., Response], answers: tuple[type[Exception], ...] = BUSINESS_ANSWERS
) -> Callable[[Undecorated[S, Request, Response]], Method[S, Request, Response]]:
    """A method whose response has an outcome: the exceptions in `answers` become one."""

    def decorated(serve: Undecorated[S, Request, Response]) -> Method[S, Request, Response]:
        @wraps(serve)
        async def answering(servicer: S, request: Request, context: Context) -> Response:
            try:
                async with servicer.deadlines.limit(context):
                    return await serve(servicer, request)
            except answers as error:
                outcome, detail = refusal(error)
                return response(outcome=outcome, detail=detail)

        return answering

    return decorated


async def change(
    orders: Orders,
    request: Any,
    order_id: str,
    decide: Callable[[Draft], T],
    actor: str = DEFAULT_ACTOR,
    once: str = "",
) -> T:
    """Makes a decision on an order of the request's tenant; see `Orders.change`."""
    tenant = tenant_of(request)

    def decide_for_tenant(draft: Draft) -> T:
        of_tenant(tenant, draft.order)
        return decide(draft)

    return await orders.change(order_id, decide_for_tenant, actor, once)


async def order_of(orders: Orders, request: Any, order_id: str) -> Order:
    """An order of the request's tenant. Raises OrderNotFound."""
    return of_tenant(tenant_of(request), await orders.get(order_id))


async def page_of(
    request: Any,
    read: Callable[[int], Awaitable[Sequence[T]]],
    token_of: Callable[[T], str],
) -> tuple[Sequence[T], str]:
    """Reads a page, and the token of the next one, "" on the last. Raises InvalidField.

    `read` gets how many to read at most, which is one more than the page has: so the last page
    is known to be the last, and nobody gets an empty one after it.
    """
    size = page_size_of(request)
    found = await read(size + 1)
    page = found[:size]
    return page, token_of(page[-1]) if len(found) > size else ""


async def read_page(
    orders: Orders,
    request: Any,
    read: Callable[..., Sequence[T]],
    token_of: Callable[[T], str],
) -> tuple[Sequence[T], str]:
    """`page_of` for a `read` of a connection and a `size`."""
    return await page_of(request, lambda size: orders.read(partial(read, size=size)), token_of)
