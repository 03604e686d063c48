"""The seven commands, as values: what `Client.apply` takes, and what its methods build.

Each carries its own ids, which make it idempotent: make them before the first send, keep them, and
send the same command again whenever an answer was lost. `tenant` None means the client's tenant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.types import Disposition, Line

LineLike = Line | tuple[str, int] | tuple[str, int, str]
"""A line, or the tuple it is made of: `("SKU-1", 2)` or `("SKU-1", 2, "shop-7")`."""


@dataclass(frozen=True, slots=True)
class ExchangedUnits:
    """Units of a reservation that its buyer has and is to give back; no lines means all of them."""

    reservation_id: str
    lines: Sequence[LineLike] = ()


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold every line (1 to 200) until `ttl_ms` from now, or none; 0 means 15 minutes.

    The units that it is `in_exchange_for` stop counting for the buyer's limit in the same step.
    """

    reservation_id: str
    lines: Sequence[LineLike]
    ttl_ms: int = 0
    buyer_id: str = ""
    tenant: str | None = None
    in_exchange_for: ExchangedUnits | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """Sell a live reservation; an expired one too, if its stock can be had again."""

    reservation_id: str
    reacquire_if_expired: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give a live reservation's units back; for an id never seen, leave a tombstone."""

    reservation_id: str
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Extend:
    """Move a live reservation's deadline to `expires_at_ms`, at most 7 days from now."""

    reservation_id: str
    expires_at_ms: int
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Ship:
    """Take confirmed units out of on hand; no lines means all that is left."""

    reservation_id: str
    shipment_id: str
    lines: Sequence[LineLike] = ()
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take back the sale of confirmed, unshipped units; no lines means all that is left.

    They are on sale again, unless they are DAMAGED or LOST: then they leave `on_hand`.
    """

    reservation_id: str
    cancellation_id: str
    lines: Sequence[LineLike] = ()
    tenant: str | None = None
    disposition: Disposition = Disposition.RESELLABLE


@dataclass(frozen=True, slots=True)
class Return:
    """Bring shipped units back; no lines means all that have not come back.

    The stock level at `to_location` takes them; "" means that of each line. Units that were
    exchanged for the reservation `for_exchange` come back before others.
    """

    reservation_id: str
    return_id: str
    lines: Sequence[LineLike] = ()
    disposition: Disposition = Disposition.RESELLABLE
    tenant: str | None = None
    to_location: str = ""
    for_exchange: str = ""


Command = Reserve | Confirm | Release | Extend | Ship | Cancel | Return
