"""Exchanged units: another reservation of the buyer counts for the limit in their place."""

from collections import Counter

from engine.model import Exchange, Outcome, Reserve, State
from tests.model.records import Held, HeldLine, InExchange, Place, summed

SOLD = (State.CONFIRMED, State.FULFILLED, State.CANCELLED)


def content_of(command: Reserve) -> InExchange | None:
    """The part of a Reserve's content that says what it is in exchange for."""
    if not isinstance(command, Exchange):
        return None
    other = command.in_exchange_for
    return InExchange(command.reservation_id, other.reservation_id, summed(other.lines))


def refusal(wanted: InExchange, buyer_id: str, held: dict[str, Held]) -> Outcome | None:
    """Why units cannot be exchanged, None if they can."""
    other = held.get(wanted.other_id)
    if other is None or not other.lines or other.buyer_id != buyer_id:
        return Outcome.NOT_FOUND
    if other.state not in SOLD:
        return Outcome.NOT_CONFIRMED
    there = {place: line.counting for place, line in other.lines.items()}
    if not any(there.values()):
        return Outcome.QUANTITY_EXCEEDED
    if any(units > there.get(place, 0) for place, units in wanted.units.items()):
        return Outcome.QUANTITY_EXCEEDED
    return None


def exchange(new: Held, held: dict[str, Held]) -> list[Place]:
    """Exchanges what a reservation is made in exchange for, as far as it is there; the places."""
    changed = []
    for place, line in _other_lines(new, held).items():
        assert new.exchange
        wanted = new.exchange.units
        units = min(line.counting, wanted.get(place, 0) if wanted else line.counting)
        if units:
            line.exchanged.append((new.exchange.new_id, units))
            changed.append(place)
    return changed


def undo(new: Held, held: dict[str, Held], cancelled: dict[Place, int]) -> list[Place]:
    """Has units count again after a cancellation, or after an end without a sale; the places."""
    skus: Counter[str] = Counter()
    for (sku, _), units in cancelled.items():
        skus[sku] += units
    left = 0
    if new.state in SOLD:
        left = sum(line.quantity - line.cancelled for line in new.lines.values())
    changed = []
    lines = _other_lines(new, held)
    for place, line in lines.items():
        assert new.exchange
        again = line.take(skus[place[0]], new.exchange.new_id)
        skus[place[0]] -= again
        changed += [place] * bool(again)
    new_id = new.exchange.new_id if new.exchange else ""
    excess = sum(line.exchanged_for(new_id) for line in lines.values()) - left
    for place, line in lines.items():
        again = line.take(excess, new_id)
        excess -= again
        changed += [place] * bool(again)
    return changed


def take_back(line: HeldLine, units: int, for_exchange: str) -> None:
    """Takes units that come back off the exchanged ones: the named, then those past what counts."""
    counting = line.counting
    named = line.take(units, for_exchange)
    line.take(units - named - counting)


def _other_lines(new: Held, held: dict[str, Held]) -> dict[Place, HeldLine]:
    """The lines of the reservation that one is in exchange for, if it is there and the buyer's."""
    other = held.get(new.exchange.other_id) if new.exchange else None
    return other.lines if other and other.buyer_id == new.buyer_id else {}
