"""What the sandbox carrier knows of parcels: their waybills, and what has become of them.

Kept in memory and written through to a SQLite file, so that parcels still travel after the next
start. Nothing of an address is kept but its country.
"""

import heapq
import sqlite3

import msgspec


class Stop(msgspec.Struct, frozen=True):
    """Something that happens to a parcel, when and where; with its money, if it is paid then."""

    at_ms: int
    kind: str
    place: str
    amount_minor: int = 0


class SandboxParcel(msgspec.Struct):
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
    """What happens to it from its collection on, in time."""
    happened: int = 0
    """How many stops of its journey have come."""

    def event(self, number: int) -> dict[str, object]:
        """A stop of its journey, as the carrier tells it."""
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
        decoder = msgspec.json.Decoder(SandboxParcel)
        self._parcels = {
            row[0]: decoder.decode(row[1])
            for row in self._file.execute("SELECT shipment_id, body FROM parcels")
        }
        self._coming: list[tuple[int, str]] = []
        """When the next stop of a parcel comes, the nearest first."""
        for parcel in self._parcels.values():
            self._expect(parcel)

    def find(self, shipment_id: str) -> SandboxParcel | None:
        """One parcel."""
        return self._parcels.get(shipment_id)

    def waiting(self) -> list[str]:
        """The parcels that wait to be collected."""
        return [name for name, parcel in self._parcels.items() if parcel.state == "LABELLED"]

    def keep(self, parcel: SandboxParcel) -> None:
        """Writes a parcel down."""
        self._parcels[parcel.shipment_id] = parcel
        body = msgspec.json.encode(parcel)
        self._file.execute(
            "INSERT OR REPLACE INTO parcels VALUES (?, ?)", (parcel.shipment_id, body)
        )

    def begin(self, parcel: SandboxParcel, journey: tuple[Stop, ...]) -> None:
        """A parcel was collected."""
        parcel.state = "COLLECTED"
        parcel.journey = journey
        self.keep(parcel)
        self._expect(parcel)

    def next_stop(self, now_ms: int) -> dict[str, object] | None:
        """What has happened next, as the carrier tells it; None if nothing more has by now."""
        if not self._coming or self._coming[0][0] > now_ms:
            return None
        parcel = self._parcels[heapq.heappop(self._coming)[1]]
        event = parcel.event(parcel.happened)
        parcel.happened += 1
        self.keep(parcel)
        self._expect(parcel)
        return event

    def sums(self) -> dict[str, int]:
        """How many parcels there are of each state, and how many stops of each kind have come."""
        sums: dict[str, int] = {}
        for parcel in self._parcels.values():
            stops = [stop.kind for stop in parcel.journey[: parcel.happened]]
            for name in (f"parcels_{parcel.state.lower()}", *stops):
                sums[name] = sums.get(name, 0) + 1
        return sums

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _expect(self, parcel: SandboxParcel) -> None:
        if parcel.happened < len(parcel.journey):
            at_ms = parcel.journey[parcel.happened].at_ms
            heapq.heappush(self._coming, (at_ms, parcel.shipment_id))
