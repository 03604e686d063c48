"""The sandbox carrier's books: the waybills of parcels, and their journeys.

Kept in memory and written through to a SQLite file, so that parcels still travel after the next
start. Nothing of an address is kept but its country.
"""

import heapq
import sqlite3
from itertools import islice

import msgspec


class Stop(msgspec.Struct, frozen=True):
    """Something that happens to a parcel, with time and place, and the money paid then."""

    at_ms: int
    kind: str
    place: str
    amount_minor: int = 0


class SandboxShipment(msgspec.Struct):
    """A parcel, as the sandbox carrier has it."""

    shipment_id: str
    service: str
    waybill: str
    freight_minor: int
    transit_ms: int
    currency: str
    collect_minor: int
    country: str
    state: str = "LABELLED"
    """LABELLED, VOID or COLLECTED."""
    journey: tuple[Stop, ...] = ()
    """The stops from its collection on, in the order of time."""
    happened: int = 0
    """The number of stops of its journey that have come."""
    fate: str = ""
    """Told by who steers the sandbox: lose, damage, delay, refuse, return; "": left to chance."""
    delay_ms: int = 0
    """The time that it takes longer, with the fate delay."""

    @property
    def has_arrived(self) -> bool:
        """Whether nothing can befall it any more."""
        return bool(self.journey) and self.happened == len(self.journey)

    @property
    def is_coming_back(self) -> bool:
        """Whether it was refused, or could not be delivered, and is on its way to its sender."""
        come = (stop.kind for stop in self.journey[: self.happened])
        return not {"REFUSED", "RETURNING"}.isdisjoint(come)

    def event(self, number: int) -> dict[str, object]:
        """A stop of its journey, as the carrier reports it."""
        stop = self.journey[number]
        return {
            "event_id": f"{self.waybill}-{number + 1}",
            "shipment_id": self.shipment_id,
            "kind": stop.kind,
            "happened_at_ms": stop.at_ms,
            "place": stop.place,
            "amount_minor": stop.amount_minor,
            "currency": self.currency if stop.amount_minor else "",
        }


class CarrierBooks:
    """All parcels of a sandbox carrier; `path` "" keeps them in memory only."""

    def __init__(self, path: str = "") -> None:
        self._file = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS parcels (shipment_id TEXT PRIMARY KEY, body BLOB NOT NULL)"
        )
        decoder = msgspec.json.Decoder(SandboxShipment)
        self._shipments = {
            row[0]: decoder.decode(row[1])
            for row in self._file.execute("SELECT shipment_id, body FROM parcels")
        }
        self._coming: list[tuple[int, str]] = []
        """When the next stop of a parcel comes, the nearest first."""
        for shipment in self._shipments.values():
            self._expect(shipment)

    def find(self, shipment_id: str) -> SandboxShipment | None:
        """One parcel."""
        return self._shipments.get(shipment_id)

    def newest_of(self, order_id: str) -> SandboxShipment | None:
        """The parcel of an order that got its waybill last."""
        newest_first = reversed(self._shipments.values())
        parcels = (one for one in newest_first if one.shipment_id.rpartition("-")[0] == order_id)
        return next(parcels, None)

    def newest(self, count: int) -> list[SandboxShipment]:
        """The parcels that came last, the newest first."""
        return list(islice(reversed(self._shipments.values()), count))

    def waiting(self) -> list[str]:
        """The parcels that wait to be collected."""
        return [name for name, shipment in self._shipments.items() if shipment.state == "LABELLED"]

    def keep(self, shipment: SandboxShipment) -> None:
        """Writes a parcel down."""
        self._shipments[shipment.shipment_id] = shipment
        body = msgspec.json.encode(shipment)
        self._file.execute(
            "INSERT OR REPLACE INTO parcels VALUES (?, ?)", (shipment.shipment_id, body)
        )

    def begin(self, shipment: SandboxShipment, journey: tuple[Stop, ...]) -> None:
        """Begins the journey of a collected parcel."""
        shipment.state = "COLLECTED"
        self.go_on(shipment, journey)

    def go_on(self, shipment: SandboxShipment, journey: tuple[Stop, ...]) -> None:
        """Sends a parcel on a journey whose stops so far are those that have come."""
        shipment.journey = journey
        self.keep(shipment)
        self._expect(shipment)

    def next_stop(self, now_ms: int) -> dict[str, object] | None:
        """The next stop that is due, as the carrier reports it; None if none is due by now."""
        while self._coming and self._coming[0][0] <= now_ms:
            at_ms, shipment_id = heapq.heappop(self._coming)
            shipment = self._shipments[shipment_id]
            if shipment.has_arrived or shipment.journey[shipment.happened].at_ms != at_ms:
                continue  # of a journey that it is no longer on
            event = shipment.event(shipment.happened)
            shipment.happened += 1
            self.keep(shipment)
            self._expect(shipment)
            return event
        return None

    def sums(self) -> dict[str, int]:
        """Counts parcels by state, and the stops that have come by kind."""
        sums: dict[str, int] = {}
        for shipment in self._shipments.values():
            stops = [stop.kind for stop in shipment.journey[: shipment.happened]]
            for name in (f"parcels_{shipment.state.lower()}", *stops):
                sums[name] = sums.get(name, 0) + 1
        return sums

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _expect(self, shipment: SandboxShipment) -> None:
        if shipment.happened < len(shipment.journey):
            at_ms = shipment.journey[shipment.happened].at_ms
            heapq.heappush(self._coming, (at_ms, shipment.shipment_id))
