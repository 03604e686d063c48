"""Checks fields that requests share: the tenant, the order, who asks and why, the page, filters."""

from collections.abc import Callable
from typing import Any, Final

from order_service.order.fields import check_id, check_whole, checked_text, is_id, shown
from order_service.order.ids import number_of
from order_service.order.model import Order
from order_service.order.parts import order_id_of
from order_service.order.refusals import InvalidField
from order_service.storage.batch import OrderNotFound

DEFAULT_TENANT: Final = "default"
DEFAULT_ACTOR: Final = "api"
PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1_000
REASON_LENGTH_MAX: Final = 200
NUMBER_LENGTH_MAX: Final = 16
NEWEST: Final = (1 << 62, "")
"""Before the first of a list whose newest comes first."""
OLDEST: Final = (0, "")
"""Before the first of a list whose oldest comes first."""


def tenant_of(request: Any) -> str:
    """The tenant of a request; "" means `default`. Raises InvalidField."""
    tenant: str = request.tenant or DEFAULT_TENANT
    check_id("tenant", tenant)
    return tenant


def id_of(request: Any, field: str) -> str:
    """The id in a field of a request. Raises InvalidField."""
    found: str = getattr(request, field)
    check_id(field, found)
    return found


def actor_of(request: Any) -> str:
    """The actor of a request, for the history; "" means `api`. Raises InvalidField."""
    actor: str = request.actor or DEFAULT_ACTOR
    check_id("actor", actor, personal=True)
    return actor


def reason_of(request: Any, length_min: int = 0) -> str:
    """The reason for the history, at least `length_min` characters long. Raises InvalidField."""
    return checked_text("reason", request.reason, REASON_LENGTH_MAX, length_min=length_min)


def merchant_of(request: Any) -> str:
    """The merchant whose part is meant; "" means all. Raises InvalidField."""
    check_filters(request, check_id, "merchant_id")
    merchant_id: str = request.merchant_id
    return merchant_id


def check_filters(request: Any, check: Callable[[str, str], None], *fields: str) -> None:
    """Checks fields that mean all when they are empty. Raises InvalidField."""
    for field in fields:
        value = getattr(request, field)
        if value:
            check(field, value)


def page_size_of(request: Any) -> int:
    """The size of the page that is asked for; 0 means 100. Raises InvalidField."""
    check_whole("page_size", request.page_size, 0, PAGE_SIZE_MAX)
    return request.page_size or PAGE_SIZE_DEFAULT


def invalid_page_token(token: str) -> InvalidField:
    """The error of a page token that no page gave."""
    problem = "must be the next_page_token of the page before, or empty"
    return InvalidField("page_token", problem, shown(token))


def id_in(token: str) -> str:
    """The id that a page token is: an order's, a task's or a part's. Raises InvalidField."""
    if token and number_of(order_id_of(token)) < 0:
        raise invalid_page_token(token)
    return token


def is_number(text: str) -> bool:
    """Whether a part of a page token is a number that a page may have given."""
    return text.isascii() and text.isdecimal() and len(text) <= NUMBER_LENGTH_MAX


def number_in(token: str) -> int:
    """The number that a page token is, or has in it; 0 for "". Raises InvalidField."""
    if token and not is_number(token):
        raise invalid_page_token(token)
    return int(token or 0)


def moment_in(token: str, first: tuple[int, str]) -> tuple[int, str]:
    """The time and id in a page token, such as `1700000000000.wave-7`; `first` for "".

    Raises InvalidField.
    """
    at_ms, _, name = token.partition(".")
    if not token:
        return first
    if not is_number(at_ms) or not is_id(name):
        raise invalid_page_token(token)
    return int(at_ms), name


def of_tenant(tenant: str, order: Order) -> Order:
    """The order, if it is the tenant's. Raises OrderNotFound for another tenant's order."""
    if order.tenant != tenant:
        raise OrderNotFound(order.order_id)
    return order
