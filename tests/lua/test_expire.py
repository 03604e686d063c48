"""Expire, and expiry on demand: a due reservation is EXPIRED for whoever asks, and its units are on
sale for whoever wants them.
"""

import pytest
import redis

from engine.model import State
from tests.lua.scenario import T0, play
from tests.partition import RETENTION_MS, Partition


@pytest.fixture
def one_at_a_time(store: redis.Redis) -> Partition:
    """A partition whose batches expire one reservation each, unless an Expire asks for more."""
    store.flushall()
    return Partition(store, due_limit=1)


def test_a_reservation_is_due_at_its_deadline_and_not_before(partition: Partition) -> None:
    play(
        partition,
        """
        0           stock TEA 9
                    reserve A TEA:3 ttl=1m buyer=li
        59_999ms    expire 10     -> 0
                    level TEA     -> on_hand 9 reserved 3 version 2
        60_000ms    expire 10     -> 1
                    level TEA     -> on_hand 9 version 3
                    buyer li TEA  -> 0
                    lines A       -> TEA:3/0/0/0
                    expire 10     -> 0
                    level TEA     -> on_hand 9 version 3
        """,
    )


def test_only_what_is_still_reserved_expires(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
              reserve sold TEA:1 ttl=1m
              reserve released TEA:1 ttl=1m
              reserve extended TEA:1 ttl=1m
              reserve left TEA:1 ttl=1m
              confirm sold
              release released
              extend extended 2m
        1m    expire 10           -> 1
              confirm sold        -> APPLIED CONFIRMED replayed
              release released    -> APPLIED RELEASED replayed
              extend extended 2m  -> APPLIED RESERVED replayed
              release left        -> ALREADY_EXPIRED EXPIRED
        2m    expire 10           -> 1
        """,
    )


def test_an_expired_reservation_tells_when_it_was_swept_and_is_kept_from_then_on(
    partition: Partition,
) -> None:
    play(partition, "0 stock TEA 9 \n reserve A TEA:3 ttl=1m \n 5m expire 10 -> 1")
    expired = partition.reservation("A")
    assert expired
    assert expired.state is State.EXPIRED
    assert (expired.expires_at_ms, expired.updated_at_ms) == (T0 + 60_000, T0 + 300_000)
    purge_at_ms = partition.client.zscore(partition.keys.retention, "rA")
    assert purge_at_ms == T0 + 300_000 + RETENTION_MS[0]


def test_the_longest_due_expire_first_and_the_answer_says_whether_more_may_be_due(
    one_at_a_time: Partition,
) -> None:
    play(
        one_at_a_time,
        """
        0     stock TEA 9
              reserve C TEA:1 ttl=3s
              reserve A TEA:1 ttl=1s
              reserve B TEA:1 ttl=2s
        1m    expire 2     -> 2 more
        """,
    )
    states = {name: row.state for name, row in one_at_a_time.reservations().items()}
    assert states == {"A": State.EXPIRED, "B": State.EXPIRED, "C": State.RESERVED}
    play(one_at_a_time, "1m expire 2 -> 1 \n expire 2 -> 0 \n level TEA -> on_hand 9 version 7")
    assert one_at_a_time.audit() == []


def test_the_version_grows_by_one_for_each_reservation_that_expires(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
              reserve A TEA:1 TEA:1 ttl=1s
              reserve B TEA:1 ttl=1s
        1m    expire 10           -> 2
              reserve C TEA:1     -> APPLIED RESERVED
              level TEA           -> on_hand 9 reserved 1 version 6
        """,
    )


def test_the_last_units_of_due_reservations_go_to_the_next_who_asks(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 3 limit=3
              reserve A TEA:2 ttl=1m buyer=li
              reserve B TEA:1 ttl=2m buyer=wang
        1m    reserve C TEA:2 buyer=li       -> APPLIED RESERVED
        +     reserve D TEA:1                -> OUT_OF_STOCK short TEA:1/0
              level TEA                      -> on_hand 3 reserved 3 version 5
        2m    reserve D TEA:1 buyer=zhao     -> APPLIED RESERVED
        """,
    )


@pytest.mark.parametrize(
    "row",
    [
        "reserve A TEA:1 ttl=2s buyer=li   -> APPLIED EXPIRED replayed until 2s",
        "reserve A TEA:2 ttl=2s buyer=li   -> ID_REUSED EXPIRED until 2s",
        "confirm A                         -> ALREADY_EXPIRED EXPIRED until 2s",
        "confirm A reacquire               -> APPLIED CONFIRMED until 2s",
        "release A                         -> ALREADY_EXPIRED EXPIRED until 2s",
        "extend A 1h                       -> ALREADY_EXPIRED EXPIRED until 2s",
        "ship A m1                         -> ALREADY_EXPIRED EXPIRED until 2s",
        "cancel A m1                       -> ALREADY_EXPIRED EXPIRED until 2s",
        "return A m1 damaged               -> ALREADY_EXPIRED EXPIRED until 2s",
    ],
)
def test_whoever_asks_for_a_due_reservation_finds_it_expired_before_any_sweep(
    one_at_a_time: Partition, row: str
) -> None:
    play(
        one_at_a_time,
        f"""
        0     stock TEA 9
              reserve longer-due TEA:1 ttl=1s
              reserve A TEA:1 ttl=2s buyer=li
        1m    {row}
        """,
    )
    assert one_at_a_time.audit() == []


DUE = "0 stock TEA 5 \n" + "\n".join(f"reserve due-{n} TEA:1 ttl=1s buyer=li" for n in range(5))


@pytest.mark.parametrize(
    "rows",
    [
        "1m reserve A TEA:5                                  -> APPLIED RESERVED",
        "1m reserve A TEA:6                                  -> OUT_OF_STOCK short TEA:6/5",
        "1m stock TEA 1 \n confirm due-4 reacquire           -> APPLIED CONFIRMED",
        "stock TEA 50 limit=5 \n 1m reserve A TEA:5 buyer=li -> APPLIED RESERVED",
        "stock TEA 50 limit=1 \n 1m confirm due-4 reacquire  -> APPLIED CONFIRMED",
        "1m stock TEA 0                                      -> APPLIED",
        "1m adjust TEA -5 a1                                 -> APPLIED",
    ],
)
def test_nothing_is_refused_for_what_is_due_however_much_that_is(
    one_at_a_time: Partition, rows: str
) -> None:
    play(one_at_a_time, f"{DUE} \n {rows}")
    assert one_at_a_time.audit() == []


def test_a_batch_that_is_not_short_leaves_what_is_due_to_the_sweeper(partition: Partition) -> None:
    play(
        partition,
        DUE
        + """
        0     stock CUP 1
        1m    reserve A CUP:1     -> APPLIED RESERVED
              level TEA           -> on_hand 5 reserved 5
              expire 10           -> 5
        """,
    )


def test_a_reservation_cannot_come_back_to_life_when_the_clock_runs_backwards(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0            stock TEA 9
                     reserve A TEA:1 ttl=1m
                     reserve B TEA:1 ttl=1d
        1m           expire 10     -> 1
        59_999ms     confirm A     -> ALREADY_EXPIRED EXPIRED
        1s           release B     -> APPLIED RELEASED
        """,
    )
    released = partition.reservation("B")
    assert released
    assert released.updated_at_ms == T0 + 60_000
