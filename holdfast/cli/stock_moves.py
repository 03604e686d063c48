"""`holdfast stock move|transfer`: units from one place to another, in one step, once per id."""

import uuid
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from holdfast.cli.arguments import Count, read_as
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import usage_failure
from holdfast.cli.output import print_json
from holdfast.cli.stock import print_table_of_levels

# What units are at a location; `outside` has none.
BUCKETS = ("resellable", "damaged", "incoming")
OUTSIDE = "outside"


class Place(NamedTuple):
    """A location and what units are there; outside has the name of the default location."""

    location: str
    bucket: str

    def __str__(self) -> str:
        if self.bucket == OUTSIDE:
            return OUTSIDE
        is_plain = self.bucket == BUCKETS[0] and self.location != OUTSIDE
        return self.location if is_plain else f"{self.location} ({self.bucket})"


def place_of(text: str) -> Place:
    """Reads `bj`, `bj:damaged`, `:incoming` of the default location, or `outside`.

    A location may have a colon in it, so only the name of a bucket behind one counts as such.
    Raises ValueError.
    """
    if text == OUTSIDE:
        return Place("default", OUTSIDE)
    location, colon, bucket = text.rpartition(":")
    if colon and bucket in BUCKETS:
        return Place(location or "default", bucket)
    if not text or (colon and bucket == OUTSIDE):
        raise ValueError(f"must be LOCATION, LOCATION:BUCKET or {OUTSIDE}; got {text!r}")
    return Place(text, BUCKETS[0])


_ONE_WORD = Parameter(accepts_keys=False)
From = Annotated[Place, Parameter(name="--from"), read_as(place_of, "PLACE"), _ONE_WORD]
To = Annotated[Place, Parameter(name="--to"), read_as(place_of, "PLACE"), _ONE_WORD]
MoveId = Annotated[str, Parameter(name="--id")]


def move(
    sku: str,
    units: Count,
    /,
    *,
    from_: From,
    to: To,
    reason: str = "",
    id_: MoveId = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Moves units from one place to another, once per id.

    A PLACE is a location, or a location and what units are there: `bj`, or
    `bj:damaged`, `bj:incoming`, with no location meaning `default`. `outside` is
    in no stock level: goods come in from it, and scrap leaves to it. Units that
    are reserved, sold or safety stock stay where they are. If the answer is lost,
    send the same again with the --id that was printed: it is not done twice.

    For example:
      holdfast stock move MUG 1 --from :damaged --to default --reason refurbished
      holdfast stock move MUG 2 --from bj:damaged --to outside --reason scrap
      holdfast stock move MUG 5 --from outside --to bj --id leg-7

    Parameters
    ----------
    sku
        The article.
    units
        Units to move.
    from_
        The place that gives them.
    to
        The place that takes them.
    reason
        Why, for the journal.
    id_
        The move's id, kept for 30 days; made and printed unless given.
    """
    _move(sku, units, from_, to, reason, id_, connection)


def transfer(
    sku: str,
    units: Count,
    /,
    *,
    from_: Annotated[str, Parameter(name="--from", metavar="LOCATION")] = "",
    to: Annotated[str, Parameter(name="--to", metavar="LOCATION")],
    depart: Annotated[bool, Parameter(negative=())] = False,
    arrive: Annotated[bool, Parameter(negative=())] = False,
    reason: str = "",
    id_: MoveId = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Transfers units that can be sold to another location: at once, or by the road.

    With --depart they leave one location and are incoming at the other, on sale
    in none; with --arrive they are on sale there. Each has an id of its own.

    For example:
      holdfast stock transfer MUG 5 --from default --to bj
      holdfast stock transfer MUG 5 --from default --to bj --depart --id lorry-7
      holdfast stock transfer MUG 4 --to bj --arrive --id lorry-7-here
      holdfast stock move MUG 1 --from bj:incoming --to outside --reason lost

    Parameters
    ----------
    sku
        The article.
    units
        Units to transfer.
    from_
        The location that gives them; not needed when they arrive.
    to
        The location that takes them.
    depart
        They leave, and are incoming at the other location.
    arrive
        They have come: those that are incoming are on sale.
    reason
        Why, for the journal.
    id_
        The move's id, kept for 30 days; made and printed unless given.
    """
    resellable, _, incoming = BUCKETS
    if depart and arrive:
        raise usage_failure("give either --depart or --arrive: each is a step of its own")
    if not from_ and not arrive:
        raise usage_failure("say with --from which location gives the units")
    gives = Place(to, incoming) if arrive else Place(from_, resellable)
    _move(sku, units, gives, Place(to, incoming if depart else resellable), reason, id_, connection)


def _move(
    sku: str,
    units: int,
    gives: Place,
    takes: Place,
    reason: str,
    given_id: str,
    connection: Connection,
) -> None:
    from holdfast.types import Bucket

    move_id = given_id or f"mv-{uuid.uuid4().hex}"
    hint = f"If it may have been done, repeat it with --id {move_id}"
    with connection.client(lost_hint=hint) as client:
        moved = client.move_stock(
            sku,
            units,
            move_id,
            from_location=gives.location,
            from_bucket=Bucket[gives.bucket.upper()],
            to_location=takes.location,
            to_bucket=Bucket[takes.bucket.upper()],
            reason=reason,
        )
    if connection.as_json:
        levels = {"from_level": moved.from_level, "to_level": moved.to_level}
        print_json({**levels, "replayed": moved.replayed, "move_id": move_id})
        return
    before = " before; nothing was moved now" if moved.replayed else ""
    print(f"Moved {units:,} {sku} from {gives} to {takes}{before}. The move's id is {move_id}.")
    print_table_of_levels(dict.fromkeys(filter(None, (moved.from_level, moved.to_level))))
