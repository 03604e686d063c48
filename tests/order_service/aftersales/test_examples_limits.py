"""Examples of an exchange of a buyer who is at the limit: the replacement counts in place of the
unit that is still to come back.
"""

from tests.lua.scenario import play
from tests.partition import Partition


def test_example_21_the_limit_judges_what_the_buyer_has_after_the_exchange(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0   stock TEA 2 limit=1
            reserve old TEA:1 buyer=li
            confirm old
            ship old s1
            reserve plain TEA:1 buyer=li             -> LIMIT_EXCEEDED
            reserve new TEA:1 buyer=li for=old,TEA:1 -> APPLIED RESERVED
            buyer li TEA                             -> 1
            lines old                                -> TEA:1/1/0/0/1
            lines new                                -> TEA:1/0/0/0
        """,
    )
    assert partition.audit() == []


def test_example_22_a_cancellation_undoes_the_exchange_and_the_old_unit_then_gives_its_limit_back(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0   stock TEA 2 limit=1
            reserve old TEA:1 buyer=li
            confirm old
            ship old s1
            reserve new TEA:1 buyer=li for=old,TEA:1
            confirm new
            cancel new c1
            buyer li TEA                             -> 1
            lines old                                -> TEA:1/1/0/0
            return old r1 resellable for=new
            buyer li TEA                             -> 0
        """,
    )
    assert partition.audit() == []


def test_example_23_the_limit_is_not_given_back_twice(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 2 limit=1
            reserve old TEA:1 buyer=li
            confirm old
            ship old s1
            reserve new TEA:1 buyer=li for=old,TEA:1
            return old r1 resellable for=new
            lines old                                -> TEA:1/1/0/1
            reserve more TEA:1 buyer=li              -> LIMIT_EXCEEDED
            buyer li TEA                             -> 1
        """,
    )
    assert partition.audit() == []
