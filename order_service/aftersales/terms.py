"""The terms of after-sales: the policies and pauses of the shops, from wherever they are kept.

Decisions are pure: they get the terms as they are known when the decision is made. A version never
changes, so that whoever knows it late judges only what is asked late by an older one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from order_service.aftersales.policy.deadlines import Pause, deadline
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.versions import judging
from order_service.order.cases import Case
from order_service.order.model import Order


class Terms(NamedTuple):
    """The policies and pauses of each shop."""

    versions: Callable[[str], Sequence[Policy]] = lambda _tenant: ()
    """All versions of policies, of the shop and of its merchants."""
    pauses: Callable[[str], Sequence[Pause]] = lambda _tenant: ()

    def policy(self, order: Order, merchant_id: str, asked_at_ms: int) -> Policy:
        """The policy that judges what is asked about a merchant's part of an order."""
        versions = self.versions(order.tenant)
        return judging(versions, order.created_at_ms, asked_at_ms, merchant_id)

    def policy_of(self, order: Order, case: Case) -> Policy:
        """The policy that judges a case."""
        return self.policy(order, merchant_of(order, case), case.created_at_ms)

    def deadline_at_ms(self, order: Order, case: Case) -> int:
        """When the state of a case ends by itself; 0: never."""
        pauses = self.pauses(order.tenant)
        return deadline(self.policy_of(order, case), case.state, case.entered_at_ms, pauses)


def merchant_of(order: Order, case: Case) -> str:
    """The merchant whose goods a case is about: those of one case are of one merchant."""
    line_no = case.lines[0].line_no
    line = next(line for line in order.lines if line.line_no == line_no)
    return order.sub_orders[line.sub_order_no].merchant_id
