"""Random commands that meet: few ids, few SKUs, small stock, deadlines short and long."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from hypothesis import strategies as st

from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Exchange,
    ExchangedUnits,
    Expire,
    Extend,
    Line,
    MoveStock,
    Purge,
    Release,
    Reservation,
    Reserve,
    Return,
    SetStock,
    Ship,
    State,
)
from tests.model.oracle import AnyCommand

T = TypeVar("T")

SECOND_MS = 1_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS


def one_from(*values: T) -> st.SearchStrategy[T]:
    """One of the values; written twice it comes twice as often, and the first more often yet."""
    return st.sampled_from(values)


def one_in(count: int) -> st.SearchStrategy[bool]:
    """True once in `count` times."""
    return one_from(*[False] * (count - 1), True)


IDS = ("A-1", "A-2", "B:1", "B:2", "c.3", "c.4", "d_5", "d_6")
RESERVATION_IDS = one_from(*IDS)
MOVEMENT_IDS = one_from("m1", "m2", "m3", "m4")
BUYERS = one_from("li", "li", "wang", "")
SKUS = one_from("TEA", "TEA", "茶杯")
MOVED_BETWEEN = one_from("default", "default", "north", "north", "nowhere")
LOCATIONS = one_from("default", "default", "north")
TTLS_MS = one_from(0, SECOND_MS, SECOND_MS + 1, MINUTE_MS, MINUTE_MS, WEEK_MS)
DEADLINES_FROM_NOW_MS = one_from(*[MINUTE_MS] * 4, SECOND_MS, -1, 0, 1, WEEK_MS, WEEK_MS + 1)

LINE = st.builds(Line, SKUS, one_from(1, 1, 1, 2, 3), LOCATIONS)
UNKNOWN_LINES = st.just([Line("TEA", 1), Line("TEA", 1, "nowhere")])
KNOWN_LINES = st.lists(LINE, min_size=1, max_size=3)
RESERVED_LINES = one_in(16).flatmap(lambda unknown: UNKNOWN_LINES if unknown else KNOWN_LINES)
ALL_THAT_IS_LEFT: list[Line] = []
MOVED_LINES = st.just(ALL_THAT_IS_LEFT) | st.lists(LINE, max_size=2)
DISPOSITIONS = one_from(Disposition.RESELLABLE, Disposition.DAMAGED, Disposition.LOST)
RETURNED_TO = one_from("", "", "", "", "default", "north", "nowhere")
CANCELLED_TO = one_from(*[Disposition.UNSPECIFIED] * 3, *list(Disposition)[1:])

RESERVATION_COMMANDS: dict[type[Command], st.SearchStrategy[Command]] = {
    Reserve: st.builds(Reserve, RESERVATION_IDS, RESERVED_LINES, TTLS_MS, BUYERS),
    Exchange: st.builds(
        Exchange,
        RESERVATION_IDS,
        RESERVED_LINES,
        TTLS_MS,
        BUYERS,
        in_exchange_for=st.builds(ExchangedUnits, RESERVATION_IDS, MOVED_LINES),
    ),
    Confirm: st.builds(Confirm, RESERVATION_IDS, one_from(True, True, False)),
    Ship: st.builds(Ship, RESERVATION_IDS, MOVEMENT_IDS, MOVED_LINES),
    Cancel: st.builds(Cancel, RESERVATION_IDS, MOVEMENT_IDS, MOVED_LINES, CANCELLED_TO),
    Return: st.builds(
        Return,
        RESERVATION_IDS,
        MOVEMENT_IDS,
        DISPOSITIONS,
        MOVED_LINES,
        RETURNED_TO,
        one_from("", "", *IDS),
    ),
    Extend: st.builds(Extend, RESERVATION_IDS, DEADLINES_FROM_NOW_MS),
    Release: st.builds(Release, RESERVATION_IDS),
}
WEIGHTS: dict[type[Command], int] = {
    Reserve: 6,
    Exchange: 4,
    Confirm: 4,
    Ship: 4,
    Cancel: 4,
    Return: 4,
    Extend: 3,
    Release: 2,
}
WEIGHTED_KINDS = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
# In these states a command can change a reservation, or must not; a Reserve, where there is none.
FITTING_STATES: dict[type[Command], tuple[State, ...]] = {
    Reserve: (),
    Exchange: (),
    Confirm: (State.RESERVED, State.EXPIRED),
    Ship: (State.CONFIRMED,),
    Cancel: (State.CONFIRMED,),
    Return: (State.CONFIRMED, State.FULFILLED),
    Extend: (State.RESERVED,),
    Release: (State.RESERVED, State.CONFIRMED),
}

SET_STOCK = st.builds(
    SetStock,
    sku=SKUS,
    on_hand=one_from(None, *range(11)),
    location=LOCATIONS,
    safety_stock=one_from(None, 0, 0, 0, 1, 2),
    limit_per_buyer=one_from(None, 0, 0, 1, 2, 4),
    expected_version=one_from(None, None, None, 0, 1, 2, 3),
    setting_id=one_from("", "", "", "adj-1", "adj-2"),
)
ADJUST_STOCK = st.builds(
    AdjustStock,
    sku=SKUS,
    delta=one_from(-5, -1, 1, 5, 5),
    adjustment_id=one_from("adj-1", "adj-2", "adj-3", "adj-4"),
    location=one_from("default", "default", "north", "nowhere"),
    reason=one_from("", "", "盘点"),
)
BUCKETS = one_from(
    Bucket.RESELLABLE, Bucket.RESELLABLE, Bucket.DAMAGED, Bucket.DAMAGED, Bucket.INCOMING
)


@st.composite
def moves(draw: st.DrawFn) -> MoveStock:
    """A move between two places, of which one may be outside."""
    outside = (Bucket.OUTSIDE, "default")
    gives, takes = ((draw(BUCKETS), draw(MOVED_BETWEEN)) for _ in range(2))
    gives, takes = draw(
        one_from((gives, takes), (gives, takes), (gives, outside), (outside, takes))
    )
    return MoveStock(
        draw(SKUS),
        draw(one_from(1, 1, 2, 5)),
        gives[0],
        takes[0],
        draw(one_from("adj-1", "adj-2", "adj-3", "adj-4")),
        gives[1],
        takes[1],
        draw(one_from("", "", "跨仓调拨")),
    )


SWEEP = st.builds(Expire, st.integers(1, 5))
# Which of several rows a Purge takes is its own affair, so one inside a batch takes them all.
PURGE = st.just(Purge(1_000))
OTHER_KINDS: st.SearchStrategy[st.SearchStrategy[AnyCommand]] = one_from(
    SET_STOCK, SET_STOCK, ADJUST_STOCK, moves(), moves(), SWEEP, PURGE
)

OUT_OF_BOUNDS: st.SearchStrategy[AnyCommand] = one_from(
    Reserve("", [Line("TEA", 1)]),
    Reserve("A-1", []),
    Reserve("A-1", [Line("TEA", 0)]),
    Reserve("A-1", [Line("TEA", 1)], ttl_ms=999),
    Confirm("A 1"),
    Release("A" * 65),
    Exchange("A-1", [Line("TEA", 1)], in_exchange_for=ExchangedUnits("")),
    Extend("A-1", 0),
    Ship("A-1", ""),
    Cancel("A-1", "m1", [Line("\x00", 1)]),
    Return("A-1", "m1", Disposition.UNSPECIFIED),
    Return("A-1", "m1", Disposition.LOST, to_location="north"),
    SetStock("TEA", -1),
    AdjustStock("TEA", 0, "adj-1"),
    MoveStock("TEA", 0, Bucket.DAMAGED, Bucket.OUTSIDE, "adj-1"),
)

BATCH_LENGTHS = one_from(1, 1, 2, 3, 4, 6, 8)
IS_REPEATED = one_in(6)
IS_OUT_OF_BOUNDS = one_in(24)
IS_OTHER_KIND = one_in(6)
IS_AIMED = one_from(True, True, True, False)


@st.composite
def batches(
    draw: st.DrawFn,
    now_ms: int,
    reservations: dict[str, Reservation],
    earlier: Sequence[AnyCommand],
) -> list[AnyCommand]:
    """1 to 8 commands: new ones, a few out of bounds, and `earlier` ones again to the letter."""
    return [_command(draw, now_ms, reservations, earlier) for _ in range(draw(BATCH_LENGTHS))]


def _command(
    draw: st.DrawFn,
    now_ms: int,
    reservations: dict[str, Reservation],
    earlier: Sequence[AnyCommand],
) -> AnyCommand:
    if draw(IS_REPEATED) and earlier:
        return draw(st.sampled_from(earlier))
    if draw(IS_OUT_OF_BOUNDS):
        return draw(OUT_OF_BOUNDS)
    if draw(IS_OTHER_KIND):
        return draw(draw(OTHER_KINDS))
    return _reservation_command(draw, now_ms, reservations)


def _reservation_command(
    draw: st.DrawFn, now_ms: int, reservations: dict[str, Reservation]
) -> Command:
    fitting = {kind: _fitting_ids(kind, reservations) for kind in WEIGHTS}
    kinds = [kind for kind in WEIGHTED_KINDS if fitting[kind]]
    is_aimed = bool(kinds) and draw(IS_AIMED)
    kind = draw(st.sampled_from(kinds if is_aimed else WEIGHTED_KINDS))
    command = draw(RESERVATION_COMMANDS[kind])
    if isinstance(command, Extend):
        command = Extend(command.reservation_id, now_ms + command.expires_at_ms)
    if isinstance(command, Exchange) and is_aimed:
        command = _aimed_exchange(draw, command, reservations)
    if is_aimed:
        reservation_id = draw(st.sampled_from(fitting[kind]))
        command = msgspec.structs.replace(command, reservation_id=reservation_id)
    return command


def _aimed_exchange(
    draw: st.DrawFn, command: Exchange, reservations: dict[str, Reservation]
) -> Exchange:
    """The command for units that a buyer has, and mostly by that buyer."""
    others = [r for r in reservations.values() if any(it.shipped > it.returned for it in r.lines)]
    if not others:
        return command
    other = draw(st.sampled_from(others))
    exchanged = ExchangedUnits(other.reservation_id, command.in_exchange_for.lines)
    buyer_id = command.buyer_id if draw(one_in(8)) else other.buyer_id
    return msgspec.structs.replace(command, in_exchange_for=exchanged, buyer_id=buyer_id)


def _fitting_ids(kind: type[Command], reservations: dict[str, Reservation]) -> list[str]:
    """The ids with which such a command can change something, as far as the state goes."""
    if kind in (Reserve, Exchange):
        return [reservation_id for reservation_id in IDS if reservation_id not in reservations]
    states = FITTING_STATES[kind]
    return [reservation_id for reservation_id, r in reservations.items() if r.state in states]


@st.composite
def opening_stock(draw: st.DrawFn) -> list[AnyCommand]:
    """The levels that a shop begins with."""
    return [
        SetStock(
            sku,
            draw(st.integers(0, 10)),
            location,
            safety_stock=draw(one_from(0, 1, 2)),
            limit_per_buyer=draw(one_from(0, 0, 0, 2, 4)),
        )
        for sku in ("TEA", "茶杯")
        for location in ("default", "north")
        if not draw(one_in(8))
    ]
