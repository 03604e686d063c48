"""Ship, Cancel and Return: the id and content of each, the units it may move, and moving them."""

from engine.model import Cancel, Disposition, Return, Ship
from tests.model.exchanges import take_back
from tests.model.records import Held, HeldLine, Level, Movement, MovementContent, Place, summed


def identity(command: Movement) -> tuple[type[Movement], str]:
    """The kind and id by which a shipment, cancellation or return is known."""
    match command:
        case Ship():
            return Ship, command.shipment_id
        case Cancel():
            return Cancel, command.cancellation_id
        case Return():
            return Return, command.return_id


def content_of(command: Movement) -> MovementContent:
    """The content that a replay must repeat: lines, and where units go. Unset is RESELLABLE."""
    where_to = Disposition.RESELLABLE if isinstance(command, Ship) else command.disposition
    location = command.to_location if isinstance(command, Return) else ""
    new_id = command.for_exchange if isinstance(command, Return) else ""
    return summed(command.lines), where_to or Disposition.RESELLABLE, location, new_id


def place_after(command: Movement, place: Place) -> Place:
    """The place whose counts a movement changes: the line's, unless a Return names another."""
    sku, _ = place
    if isinstance(command, Return) and command.to_location:
        return sku, command.to_location
    return place


def left_for(command: Movement, held: Held) -> dict[Place, int]:
    """Units that the command may still move, without the places where none is left."""
    is_return = isinstance(command, Return)
    left = {
        place: line.with_buyer if is_return else line.unshipped
        for place, line in held.lines.items()
    }
    return {place: units for place, units in left.items() if units}


def move_units(command: Movement, units: int, line: HeldLine, level: Level) -> None:
    """Moves units of one line."""
    match command:
        case Ship():
            line.shipped += units
            level.on_hand -= units
        case Cancel():
            line.cancelled += units
            if command.disposition in (Disposition.DAMAGED, Disposition.LOST):
                level.on_hand -= units
        case Return():
            take_back(line, units, command.for_exchange)
            line.returned += units
            if command.disposition is Disposition.RESELLABLE:
                level.on_hand += units
    if not isinstance(command, Ship) and command.disposition is Disposition.DAMAGED:
        level.damaged += units
