"""The amounts of refunds: one rule by which money follows units. Pure.

A line of `quantity` units and `amount_minor` pays back `U(i) = floor(amount * i / quantity)` for
its first `i` units, whichever they are, and the last unit takes all that is left. So any sequence
of refunds of a line comes to its amount, in a currency of any number of decimals.

A unit whose price was adjusted has had a part of it: units that were not go back first, then the
adjusted ones, each less its share of what was adjusted. A line has counters of all that
(`lines.py`), which the database holds to their sums.
"""

from collections.abc import Sequence
from typing import NamedTuple

from order_service.order.lines import Line


class Price(NamedTuple):
    """The money for units that are refunded."""

    amount_minor: int
    adjusted_units: int
    """The units among them whose price was adjusted before."""
    adjusted_minor: int
    """The money that those have had."""


def settled_units(line: Line) -> int:
    """Units whose money went back whole, or will never be paid."""
    return refunded_units(line) + line.unpaid_units


def refunded_units(line: Line) -> int:
    """Units whose money went back whole."""
    return line.refunded_unshipped + line.refunded_shipped + line.given_units


def kept_units(line: Line) -> int:
    """Units whose money can go back."""
    return line.quantity - settled_units(line)


def owed_units(line: Line) -> int:
    """Units that the buyer has, or is to get: of those that cost nothing no money goes back."""
    return min(kept_units(line), line.quantity - line.cancelled - line.refunded_shipped)


def left_minor(line: Line) -> int:
    """Money of a line that is still the shop's, or is still to be paid."""
    return line.amount_minor - line.refunded_minor - line.unpaid_minor


def upto_minor(line: Line, units: int) -> int:
    """The price of the first `units` of a line."""
    return line.amount_minor * units // line.quantity


def price_of(line: Line, units: int) -> Price:
    """The money for `units` more of a line, from 1 to all that are kept."""
    settled, kept = settled_units(line), kept_units(line)
    assert 0 < units <= kept
    adjusted = max(0, units - (kept - line.adjusted_units))
    had_minor = line.adjusted_minor * adjusted // line.adjusted_units if adjusted else 0
    if units == kept:
        return Price(left_minor(line), adjusted, had_minor)
    share_minor = upto_minor(line, settled + units) - upto_minor(line, settled) - had_minor
    return Price(max(0, min(left_minor(line), share_minor)), adjusted, had_minor)


def adjustable_minor(line: Line, units: int) -> int:
    """The most that `units` of a line can have of their price and be kept: less than all of it."""
    adjusted = min(kept_units(line), line.adjusted_units + units)
    return min(left_minor(line), upto_minor(line, adjusted) - line.adjusted_minor) - 1


def adjusted_with(line: Line, units: int, amount_minor: int) -> int:
    """The units that have had a part of their price once `units` have had so much more.

    They are those of before as long as their price allows.
    """
    had_minor = line.adjusted_minor + amount_minor
    needed = -(-had_minor * line.quantity // line.amount_minor)
    return min(kept_units(line), max(line.adjusted_units, units, needed))


def spread(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Splits an amount in proportion to weights, which are not all 0; the parts come to it."""
    total, before, parts = sum(weights), 0, []
    for weight in weights:
        after = before + weight
        parts.append(amount_minor * after // total - amount_minor * before // total)
        before = after
    return parts


def lowered(amounts_minor: Sequence[int], to_minor: int) -> list[int]:
    """Amounts lowered until they come to `to_minor`: the last ones first, none below 0."""
    too_much, parts = sum(amounts_minor) - to_minor, []
    for amount_minor in reversed(amounts_minor):
        part_minor = min(amount_minor, max(0, too_much))
        too_much -= part_minor
        parts.append(amount_minor - part_minor)
    return parts[::-1]
