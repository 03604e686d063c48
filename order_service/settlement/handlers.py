"""Does the tasks of settlement."""

from order_service.order.draft import Decide, Draft
from order_service.order.model import Order
from order_service.order.tasks import EarnParts, Todo
from order_service.relay.handler import handles


class SettlementTasks:
    """Does the tasks of settlement."""

    @handles(EarnParts)
    async def earn(self, _order: Order, _todo: Todo[EarnParts]) -> Decide | None:
        """Has merchants earn the parts whose time has come: that follows in every draft."""
        return _look


def _look(_draft: Draft) -> None:
    """Decides nothing: what is earned by now follows."""
