"""Does the tasks of cases: their timers."""

from functools import partial

from order_service.aftersales.acting import look_at_case
from order_service.aftersales.terms import Terms
from order_service.order.draft import Decide
from order_service.order.model import Order
from order_service.order.tasks import CaseDue, Todo
from order_service.relay.handler import handles


class CaseTasks:
    """Does the tasks of cases, given the terms of the shops."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    @handles(CaseDue)
    async def due(self, _order: Order, _todo: Todo[CaseDue]) -> Decide | None:
        """Does what the deadlines of the order's cases do that have passed."""
        return partial(look_at_case, terms=self._terms)
