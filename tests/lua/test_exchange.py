"""Exchange: every outcome and guard of exchange.lua; the buyer's count in any order of events."""

import pytest

from engine.model import (
    Disposition,
    Exchange,
    ExchangedUnits,
    Line,
    Outcome,
    Result,
    Return,
)
from engine.scripts import Kind, batch_script
from tests.lua.scenario import (
    T0,
    cases,
    declared_outcomes,
    outcomes_of,
    play,
    play_case,
)
from tests.partition import Partition

# fulfilled has TEA:4 with the buyer, part-shipped TEA:3 of TEA:4 CUP@north:2; the buyer has TEA:15.
TABLE = """
    reserve new TEA:1 buyer=li for=never-seen             -> NOT_FOUND
    reserve new TEA:1 buyer=li for=tombstone              -> NOT_FOUND
    reserve new TEA:1 buyer=wang for=fulfilled            -> NOT_FOUND
    reserve new TEA:1 for=fulfilled                       -> NOT_FOUND
    reserve new TEA:1 buyer=li for=new                    -> NOT_FOUND
    reserve new TEA:1 buyer=li for=live                   -> NOT_CONFIRMED
    reserve new TEA:1 buyer=li for=lapsed                 -> NOT_CONFIRMED
    reserve new TEA:1 buyer=li for=released               -> NOT_CONFIRMED
    reserve new TEA:1 buyer=li for=cancelled              -> QUANTITY_EXCEEDED
    reserve new TEA:1 buyer=li for=sold                   -> QUANTITY_EXCEEDED
    reserve new TEA:1 buyer=li for=fulfilled,TEA:5        -> QUANTITY_EXCEEDED
    reserve new TEA:1 buyer=li for=fulfilled,TEA:1,CUP:1  -> QUANTITY_EXCEEDED
    reserve new TEA:1 buyer=li for=part-shipped,CUP@north:1 -> QUANTITY_EXCEEDED
    return fulfilled r1 lost TEA:2
    reserve new TEA:1 buyer=li for=fulfilled,TEA:3        -> QUANTITY_EXCEEDED
    reserve other TEA:1 buyer=li for=fulfilled,TEA:2
    reserve new TEA:1 buyer=li for=fulfilled,TEA:3        -> QUANTITY_EXCEEDED
    return fulfilled r1 lost
    reserve new TEA:1 buyer=li for=fulfilled              -> QUANTITY_EXCEEDED

    reserve new MUG:1 buyer=li for=never-seen             -> UNKNOWN_SKU
    reserve new TEA:94 buyer=li for=never-seen            -> NOT_FOUND
    reserve new TEA:86 buyer=li for=fulfilled             -> OUT_OF_STOCK short TEA:86/85
    stock TEA as-it-is limit=15
    reserve new TEA:5 buyer=li for=fulfilled              -> LIMIT_EXCEEDED

    reserve live TEA:3 buyer=li for=fulfilled             -> ID_REUSED RESERVED
    reserve tombstone TEA:3 buyer=li for=fulfilled        -> ALREADY_RELEASED RELEASED until none
    reserve new TEA:1 buyer=li for=fulfilled,TEA:1
    reserve new TEA:1 buyer=li for=fulfilled,TEA:1        -> APPLIED RESERVED replayed until 902s
    reserve new TEA:1 buyer=li for=fulfilled,TEA:1
    reserve new TEA:1 buyer=li for=fulfilled,TEA:2        -> ID_REUSED RESERVED
    reserve new TEA:1 buyer=li for=fulfilled
    reserve new TEA:1 buyer=li for=fulfilled,TEA:4        -> ID_REUSED RESERVED
    reserve new TEA:1 buyer=li for=fulfilled,TEA:1
    reserve new TEA:1 buyer=li for=part-shipped,TEA:1     -> ID_REUSED RESERVED
    reserve new TEA:1 buyer=li for=fulfilled
    reserve new TEA:1 buyer=li                            -> ID_REUSED RESERVED

    reserve new TEA:1 buyer=li for=fulfilled              -> APPLIED RESERVED until 902s
    stock TEA as-it-is limit=15
    reserve new TEA:4 buyer=li for=fulfilled,TEA:4        -> APPLIED RESERVED
    reserve new CUP@north:1 buyer=li for=part-shipped,TEA:2,TEA:1 -> APPLIED RESERVED
"""

# A buyer at the limit of 2, with 2 units: 1 of one reservation and 1 of another.
AT_THE_LIMIT = """
    0   stock TEA 10 limit=2
        stock TEA@north 10
        stock CUP 10 limit=1
        reserve old TEA:1 TEA@north:1 buyer=li
        confirm old
        ship old s1
        reserve extra TEA:1 buyer=li           -> LIMIT_EXCEEDED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_exchange(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome() -> None:
    # INVALID needs 1,000 exchanges of one reservation.
    assert outcomes_of(TABLE) == declared_outcomes(Kind.EXCHANGE) - {"INVALID"}


STORIES = {
    "back before the exchange: there is nothing to exchange, and room for a plain Reserve": """
        0   stock TEA 2 limit=1
            reserve old TEA:1 buyer=li
            confirm old
            ship old s1
            return old r1 resellable for=new
            reserve new TEA:1 buyer=li for=old,TEA:1 -> QUANTITY_EXCEEDED
            reserve new TEA:1 buyer=li               -> APPLIED RESERVED
    """,
    "back without the name of the new one: given back once all the same": """
        reserve new TEA:2 buyer=li for=old
        return old r1 resellable TEA:1
        buyer li TEA                                 -> 2
        return old r2 resellable
        buyer li TEA                                 -> 2
        lines old                                    -> TEA:1/1/0/1 TEA@north:1/1/0/1
    """,
    "back for no exchange comes what counts; back for one what it holds": """
        0   stock TEA 10 limit=3
            reserve old TEA:3 buyer=li
            confirm old
            ship old s1
            reserve new TEA:1 buyer=li for=old,TEA:1
            return old r1 resellable TEA:1
            buyer li TEA                             -> 2
            lines old                                -> TEA:3/3/0/1/1
            return old r2 resellable TEA:1 for=new
            buyer li TEA                             -> 2
            lines old                                -> TEA:3/3/0/2
            return old r3 resellable TEA:1 for=new
            buyer li TEA                             -> 1
    """,
    "more comes back than was exchanged": """
        0   stock TEA 10 limit=3
            reserve old TEA:3 buyer=li
            confirm old
            ship old s1
            reserve new TEA:1 buyer=li for=old,TEA:1
            return old r1 resellable TEA:3 for=new
            buyer li TEA                             -> 1
            lines old                                -> TEA:3/3/0/3
    """,
    "a release undoes it, but for what is back": """
        reserve new TEA:2 buyer=li for=old
        return old r1 lost TEA@north:1 for=new
        release new
        buyer li TEA                                 -> 1
        lines old                                    -> TEA:1/1/0/0 TEA@north:1/1/0/1
    """,
    "expiry undoes it; a millisecond before, it stands": """
        0         reserve new TEA:2 buyer=li for=old ttl=1s
        999ms     expire 10                          -> 0
                  buyer li TEA                       -> 2
                  lines old                          -> TEA:1/1/0/0/1 TEA@north:1/1/0/0/1
        1_000ms   expire 10                          -> 1
                  buyer li TEA                       -> 2
                  lines old                          -> TEA:1/1/0/0 TEA@north:1/1/0/0
                  reserve again TEA:2 buyer=li for=old
    """,
    "one that has lapsed holds nothing, though nobody has swept": """
        0         reserve new TEA:2 buyer=li for=old ttl=1s
        999ms     reserve again TEA:2 buyer=li for=old  -> QUANTITY_EXCEEDED
        1_000ms   reserve again TEA:2 buyer=li for=old  -> APPLIED RESERVED
                  lines old                          -> TEA:1/1/0/0/1 TEA@north:1/1/0/0/1
                  buyer li TEA                       -> 2
    """,
    "a unit that counts again since a lapse counts for whoever comes first": """
        0         reserve new CUP:1 buyer=li for=old ttl=1s
                  buyer li TEA                       -> 0
        999ms     reserve one TEA:1 buyer=li         -> APPLIED RESERVED
        1_000ms   reserve two TEA:1 buyer=li         -> LIMIT_EXCEEDED
                  buyer li TEA                       -> 3
                  buyer li CUP                       -> 0
    """,
    "an expired one takes its exchange again": """
        0    reserve new TEA:2 buyer=li for=old ttl=1s
        2s   confirm new reacquire                   -> APPLIED CONFIRMED
             buyer li TEA                            -> 2
             lines old                               -> TEA:1/1/0/0/1 TEA@north:1/1/0/0/1
    """,
    "an expired one takes again what is still there": """
        0    reserve new TEA:2 buyer=li for=old ttl=1s
        2s   return old r1 lost TEA:1 for=new
             confirm new reacquire                   -> APPLIED CONFIRMED
             buyer li TEA                            -> 2
             lines old                               -> TEA:1/1/0/1 TEA@north:1/1/0/0/1
    """,
    "an expired one whose units another has in exchange passes the limit": """
        0    reserve new TEA:2 buyer=li for=old ttl=1s
        2s   reserve other TEA:2 buyer=li for=old
             confirm new reacquire                   -> LIMIT_EXCEEDED EXPIRED
             release other
             confirm new reacquire                   -> APPLIED CONFIRMED
             buyer li TEA                            -> 2
    """,
    "a part cancelled of one SKU undoes as many units of it": """
        reserve new TEA:2 buyer=li for=old
        confirm new
        cancel new c1 TEA:1
        buyer li TEA                                 -> 2
        lines old                                    -> TEA:1/1/0/0 TEA@north:1/1/0/0/1
        cancel new c2 TEA:1
        buyer li TEA                                 -> 2
        lines old                                    -> TEA:1/1/0/0 TEA@north:1/1/0/0
    """,
    "a part cancelled of another SKU leaves as many exchanged as there are left": """
        0   stock MUG 10
            reserve new MUG:3 buyer=li for=old
            confirm new
            cancel new c1 MUG:1
            buyer li TEA                             -> 0
            cancel new c2 MUG:1
            buyer li TEA                             -> 1
            ship new s1
            lines old                                -> TEA:1/1/0/0 TEA@north:1/1/0/0/1
    """,
    "the cancelled SKU counts again, not the one that is still to come": """
        0   stock MUG 10
            reserve new MUG:1 TEA:1 buyer=li for=old,TEA:1
            confirm new
            cancel new c1 MUG:1
            lines old                                -> TEA:1/1/0/0/1 TEA@north:1/1/0/0
            cancel new c2 TEA:1
            lines old                                -> TEA:1/1/0/0 TEA@north:1/1/0/0
            buyer li TEA                             -> 2
    """,
    "an exchange of an exchange": """
        reserve new TEA:1 buyer=li for=old,TEA:1
        confirm new
        ship new s1
        reserve newer TEA:1 buyer=li for=old,TEA:1   -> QUANTITY_EXCEEDED
        reserve newer TEA:1 buyer=li for=new,TEA:1   -> APPLIED RESERVED
        buyer li TEA                                 -> 2
        return new r1 resellable for=newer
        return old r1 resellable TEA:1 for=new
        buyer li TEA                                 -> 2
        release newer
        buyer li TEA                                 -> 1
    """,
    "nobody has no count, and is held to the same units": """
        0   reserve old-2 CUP:1                      -> LIMIT_EXCEEDED
            stock MUG 10
            reserve old-2 MUG:2
            confirm old-2
            ship old-2 s1
            reserve new MUG:1 for=old-2,MUG:2
            reserve newer MUG:1 for=old-2,MUG:1      -> QUANTITY_EXCEEDED
            release new
            lines old-2                              -> MUG:2/2/0/0
    """,
    "the old one is purged: what counted is given back, and nothing is left to undo": """
        0     reserve new TEA:1 buyer=li for=old,TEA:1
              confirm new
              buyer li TEA                           -> 2
        30d   purge 10                               -> 1
              buyer li TEA                           -> 1
              cancel new c1
              buyer li TEA                           -> 0
    """,
    "the new one is purged: what it stood for does not count again": """
        0     reserve new CUP:1 buyer=li for=old,TEA:1
              confirm new
        1d    ship new s1
              return old r1 lost TEA@north:1
        30d   return old r2 lost TEA:1               -> APPLIED FULFILLED
        31d   purge 10                               -> 2
              buyer li TEA                           -> 0
              buyer li CUP                           -> 0
    """,
    "one that lapses while its old one is purged leaves nothing behind": """
        0     extend old 5d                          -> ALREADY_CONFIRMED FULFILLED
        29d   reserve new TEA:1 buyer=li for=old ttl=7d
        30d   purge 10                               -> 1
              buyer li TEA                           -> 1
        36d   expire 10                              -> 1
              buyer li TEA                           -> 0
    """,
    "one that has lapsed is undone before its old one is purged": """
        0     reserve new CUP:1 buyer=li for=old,TEA:1 ttl=1s
              level TEA                              -> on_hand 9 version 5
        30d   purge 10                               -> 1
              level TEA                              -> on_hand 9 version 6
              level CUP                              -> on_hand 10
              buyer li TEA                           -> 0
    """,
    "a reserve in exchange waits for its turn in a batch, and so does what comes after it": """
        0   reserve new TEA:1 buyer=li for=old,TEA:1
        +   return old r1 lost TEA:1 for=new
        +   reserve more TEA:1 buyer=li              -> LIMIT_EXCEEDED
        +   release new
        +   reserve more TEA:1 buyer=li              -> APPLIED RESERVED
            buyer li TEA                             -> 2
    """,
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_buyers_count(partition: Partition, story: str) -> None:
    opening = "" if "stock TEA " in story else AT_THE_LIMIT
    play(partition, opening + story)
    assert partition.audit() == []


def test_a_partition_has_a_schema_of_its_own_from_its_first_exchange_on(
    partition: Partition,
) -> None:
    play(partition, AT_THE_LIMIT)
    play(partition, "reserve new TEA:3 buyer=li for=old -> LIMIT_EXCEEDED", T0)
    assert partition.client.hget(partition.keys.meta, "schema") == b"2"
    play(partition, "reserve new TEA:2 buyer=li for=old", T0)
    assert partition.client.hget(partition.keys.meta, "schema") == b"3"
    play(partition, "release new", T0)
    play(partition, "stock NEW 1", T0)
    assert partition.client.hget(partition.keys.meta, "schema") == b"3"


def test_a_server_that_knows_of_no_exchange_refuses_such_a_partition(partition: Partition) -> None:
    """As one of 0.7.0 does, whose script knows the first schema alone."""
    play(partition, AT_THE_LIMIT + "reserve new TEA:2 buyer=li for=old")
    older = batch_script().replace(" and meta[1] ~= '3'", "")
    assert older != batch_script()
    refusing = Partition(partition.client, script=older)
    with pytest.raises(AssertionError, match="SCHEMA"):
        refusing.run([Return("old", "r1", Disposition.LOST)], T0)


def test_the_audit_counts_the_limit_anew_and_names_a_buyer_whose_exchange_was_not_counted(
    partition: Partition,
) -> None:
    play(partition, AT_THE_LIMIT + "reserve new TEA:2 buyer=li for=old")
    row = partition.keys.buyers, "li\0TEA"
    assert partition.client.hget(*row) == b"2 new"
    partition.client.hset(*row, "4")
    [finding] = partition.audit()
    partition.client.hset(*row, "2 new")
    assert finding.row == "buyer li, SKU TEA"
    assert "counts 4 units, the buyer's reservations hold 2" in finding.detail


def test_of_one_reservation_no_more_is_exchanged_than_its_record_may_keep(
    partition: Partition,
) -> None:
    play(partition, "0 stock TEA 3000\n reserve old TEA:1001 buyer=li\n confirm old\n ship old s1")
    for first in range(0, 1_000, 100):
        batch = [
            f"+ reserve n{number} TEA:1 buyer=li for=old,TEA:1"
            for number in range(first, first + 100)
        ]
        play(partition, "\n".join(batch), T0)
    exchanged = ExchangedUnits("old", [Line("TEA", 1)])
    [refused] = partition.run(
        [Exchange("more", [Line("TEA", 1)], buyer_id="li", in_exchange_for=exchanged)], T0
    )
    assert isinstance(refused, Result)
    assert refused.outcome is Outcome.INVALID
    assert refused.detail.startswith("in_exchange_for.reservation_id: 1,000 exchanges")
    play(partition, "buyer li TEA -> 1001", T0)
