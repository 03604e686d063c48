"""Finds what the returns of the log are of: units that were shipped to that buyer earlier."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from holdfast.commands import Return
from holdfast.demo.ledger import Account
from holdfast.demo.plan import PlannedReturn
from holdfast.types import Line


class ReturnsDesk:
    """The returns of a log, and how many units of each have come back so far.

    A return is matched with the buyer's earlier orders in the log's order, over several of them if
    need be; each piece is one command. A return without a buyer matches nothing.
    """

    def __init__(self, planned: Sequence[PlannedReturn], accounts: Iterable[Account]) -> None:
        self._planned = planned
        self._returned: Counter[str] = Counter()
        self._accounts_by_buyer: dict[str, list[Account]] = defaultdict(list)
        for account in accounts:
            if account.order.buyer_id:
                self._accounts_by_buyer[account.order.buyer_id].append(account)

    def take_in(self) -> list[Return]:
        """The returns that can be made now and were not made before; send every one of them."""
        commands = []
        taken: Counter[tuple[str, str]] = Counter()
        for planned in self._planned:
            line = planned.line
            missing = line.quantity - self._returned[line.return_id]
            for account in self._accounts_by_buyer.get(line.buyer_id, ()):
                if missing == 0 or account.order.position > line.position:
                    break
                key = (account.order.order_id, line.sku)
                units = min(missing, account.returnable_units(line.sku) - taken[key])
                if units > 0:
                    missing -= units
                    taken[key] += units
                    self._returned[line.return_id] += units
                    commands.append(
                        Return(
                            account.order.order_id,
                            line.return_id,
                            (Line(line.sku, units),),
                            planned.disposition,
                        )
                    )
        return commands

    def lines(self) -> int:
        """Return lines of the log."""
        return len(self._planned)

    def matched_lines(self) -> int:
        """Return lines of which at least one unit came back."""
        return sum(units > 0 for units in self._returned.values())

    def returned_units(self) -> int:
        """Units that came back."""
        return self._returned.total()

    def unmatched_units(self) -> int:
        """Units sent back beyond what was shipped; of a line matched in part, the rest."""
        return sum(planned.line.quantity for planned in self._planned) - self.returned_units()
