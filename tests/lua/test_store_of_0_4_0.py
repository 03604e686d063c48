"""A store that 0.4.0 wrote is read, audited and gone on with as it is.

`store_of_0_4_0.json` has its rows by key, each byte a character, as these batches left them:

    0     stock TEA 100 safety=2 limit=50, stock CUP@north 40, release tombstone, six Reserves
    1s    confirm sold, parted, fulfilled and cancelled; release old; extend live; ship, cancel and
          return of parted; adjust TEA a1 and a2
    2s    ship fulfilled, cancel cancelled, extend live
    3s    expire
    25h   purge 3, reserve new, stock TEA 110, adjust TEA a3, release never
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from engine.model import State
from tests.lua.scenario import play
from tests.lua.test_journal import journal
from tests.partition import Partition

ROWS: Final = json.loads(Path(__file__).with_name("store_of_0_4_0.json").read_text("utf-8"))


def as_bytes(text: str) -> bytes:
    return text.encode("latin-1")


@pytest.fixture
def found(store: "redis.Redis") -> Partition:
    """A partition with the rows of the file."""
    store.flushall()
    partition = Partition(store)
    keys = partition.keys._asdict()
    for name, rows in ROWS.items():
        if name == "journal":
            for entry_id, batch in rows.items():
                store.xadd(keys[name], {"batch": as_bytes(batch)}, id=entry_id)
        elif name in ("deadlines", "retention"):
            store.zadd(keys[name], {as_bytes(member): at_ms for member, at_ms in rows.items()})
        else:
            hashed: Any = {as_bytes(field): as_bytes(value) for field, value in rows.items()}
            store.hset(keys[name], mapping=hashed)
    return partition


def test_its_reservations_and_stock_are_read(found: Partition) -> None:
    assert {name: row.state for name, row in found.reservations().items()} == {
        "live": State.RESERVED,
        "new": State.RESERVED,
        "sold": State.CONFIRMED,
        "parted": State.CONFIRMED,
        "fulfilled": State.FULFILLED,
        "cancelled": State.CANCELLED,
        "lapsed": State.EXPIRED,
        "swept": State.EXPIRED,
        "old": State.RELEASED,
        "never": State.RELEASED,
    }
    parted = found.reservation("parted")
    assert parted
    (line,) = parted.lines
    assert (line.quantity, line.shipped, line.cancelled, line.returned) == (5, 2, 1, 1)
    level = found.levels()["TEA", "default"]
    assert (level.on_hand, level.reserved, level.confirmed, level.damaged) == (107, 2, 6, 1)


def test_its_journal_has_each_kind_of_0_4_0_and_is_audited_without_a_finding(
    found: Partition,
) -> None:
    assert {kind for _, entry in journal(found) for kind in entry.kinds} == set(range(1, 12))
    assert found.audit() == []


def test_its_commands_are_still_replays_and_the_next_ones_are_judged(found: Partition) -> None:
    play(
        found,
        """
        26h    ship parted s1 TEA:2              -> APPLIED CONFIRMED replayed
               cancel parted c1 TEA:1            -> APPLIED CONFIRMED replayed
               return parted r1 damaged TEA:1    -> APPLIED CONFIRMED replayed
               adjust TEA -3 a3                  -> APPLIED replayed
               reserve never TEA:1               -> ALREADY_RELEASED RELEASED until none
               confirm live
               ship parted s2                    -> APPLIED FULFILLED
               expire 10                         -> 1
        60d    purge 100                         -> 9
        """,
    )
    assert found.audit() == []
    assert found.reservations().keys() == {"live", "sold"}
