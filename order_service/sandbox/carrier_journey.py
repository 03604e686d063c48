"""The journey of a parcel of the sandbox carrier, and its mishaps. Pure."""

import random
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from order_service.sandbox.carrier_books import SandboxShipment, Stop

HOUR_MS: Final = 3_600_000


class Mishaps(msgspec.Struct, frozen=True):
    """The shares of parcels with which something goes wrong, from 0 to 1."""

    late: float = 0.0
    """Parcels that take `late_ms` longer than was promised."""
    late_ms: int = 72 * HOUR_MS
    lose: float = 0.0
    """Parcels that are lost on their way."""
    damage: float = 0.0
    """Parcels that are damaged on their way."""
    fail_attempt: float = 0.0
    """Parcels that nobody can take at the first attempt."""


# The stops on the way, each after a share of the promised time.
_WAY: Final = (
    (0.0, "COLLECTED", "depot"),
    (0.1, "IN_TRANSIT", "depot"),
    (0.4, "HUB", "hub"),
    (0.6, "IN_TRANSIT", "hub"),
    (0.8, "OUT_FOR_DELIVERY", "delivery base"),
)
_ATTEMPT_AT: Final = 0.85
_ENDS_AT: Final = 0.9
_AT_THE_END: Final = frozenset(
    {"ATTEMPT_FAILED", "SIGNED", "CASH_COLLECTED", "LOST", "DAMAGED"}
    | {"REFUSED", "RETURNING", "RETURNED"}
)
"""The kinds of the stops that a fate takes the place of, as long as they have not come."""
_TURNS_AT_THE_DOOR: Final = {"refuse": "REFUSED", "return": "ATTEMPT_FAILED"}
"""The fates with which a parcel goes back to its sender, and what happens at the door."""


def journey_of(
    shipment: SandboxShipment, collected_at_ms: int, transit_ms: int, mishaps: Mishaps, seed: int
) -> tuple[Stop, ...]:
    """The stops of a parcel that takes `transit_ms` without bad luck.

    One seed and shipment id have one fate, whatever else happens.
    """
    chance = random.Random(f"{seed}/{shipment.shipment_id}")
    late, lost, damaged, missed = (chance.random() for _ in range(4))
    if shipment.fate:  # told, not chance
        mishaps = Mishaps(lose=shipment.fate == "lose", damage=shipment.fate == "damage")
    took_ms = transit_ms + (mishaps.late_ms if late < mishaps.late else 0)

    def stop(share: float, kind: str, place: str, amount_minor: int = 0) -> Stop:
        at_ms = collected_at_ms + int(took_ms * share) + (shipment.delay_ms if share else 0)
        return Stop(at_ms, kind, f"{place} {shipment.country}", amount_minor)

    way = [stop(*step) for step in _WAY]
    if lost < mishaps.lose:
        return (*way[:3], stop(_ENDS_AT, "LOST", "hub"))
    if damaged < mishaps.damage:
        return (*way[:4], stop(_ENDS_AT, "DAMAGED", "hub"))
    if missed < mishaps.fail_attempt:
        way.append(stop(_ATTEMPT_AT, "ATTEMPT_FAILED", "door"))
    way.append(stop(_ENDS_AT, "SIGNED", "door"))
    if shipment.collect_minor:
        way.append(stop(_ENDS_AT, "CASH_COLLECTED", "door", shipment.collect_minor))
    if shipment.fate in _TURNS_AT_THE_DOOR:
        return _there_and_back(shipment, way)
    return tuple(way)


def turned(shipment: SandboxShipment, now_ms: int) -> tuple[Stop, ...]:
    """The journey of a parcel on its way, turned by the fate that it was told just now."""
    come, rest = shipment.journey[: shipment.happened], shipment.journey[shipment.happened :]
    if shipment.fate == "delay":
        return (*come, *(replace(stop, at_ms=stop.at_ms + shipment.delay_ms) for stop in rest))
    if shipment.fate in _TURNS_AT_THE_DOOR:
        return _there_and_back(shipment, shipment.journey)
    kind = {"lose": "LOST", "damage": "DAMAGED"}[shipment.fate]
    return (*come, Stop(now_ms, kind, f"hub {shipment.country}"))


def turned_by_sender(shipment: SandboxShipment, now_ms: int) -> tuple[Stop, ...]:
    """The journey of a parcel on its way that its sender wants back; none once it is at the door.

    Back it takes as long as it took there.
    """
    come = shipment.journey[: shipment.happened]
    if shipment.is_coming_back:
        return shipment.journey
    if not come or "OUT_FOR_DELIVERY" in {stop.kind for stop in come}:
        return ()
    back_at_ms = now_ms + (now_ms - come[0].at_ms)
    hub, sender = f"hub {shipment.country}", f"sender {shipment.country}"
    return (*come, Stop(now_ms, "RETURNING", hub), Stop(back_at_ms, "RETURNED", sender))


def _there_and_back(shipment: SandboxShipment, way: Sequence[Stop]) -> tuple[Stop, ...]:
    """The journey of a parcel that turns at the door; back it takes as long as it took there."""
    come, rest = way[: shipment.happened], way[shipment.happened :]
    door_at_ms = next(stop.at_ms for stop in rest if stop.kind in _AT_THE_END)
    took_ms = door_at_ms - way[0].at_ms

    def stop(after_ms: int, kind: str, place: str) -> Stop:
        return Stop(door_at_ms + after_ms, kind, f"{place} {shipment.country}")

    return (
        *come,
        *(stop for stop in rest if stop.kind not in _AT_THE_END),
        stop(0, _TURNS_AT_THE_DOOR[shipment.fate], "door"),
        stop(took_ms // 10, "RETURNING", "delivery base"),
        stop(took_ms, "RETURNED", "sender"),
    )
