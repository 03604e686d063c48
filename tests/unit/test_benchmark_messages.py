"""The messages that the loads of the benchmarks send."""

from benchmarks.load import packed_requests
from benchmarks.loads import Load
from holdfast.inventory.v1 import inventory_pb2 as pb


def test_every_reserve_has_an_id_and_a_buyer_of_its_own() -> None:
    load = Load(calls=3, method="Apply", commands=4, prefix="p", tenant="t")
    reserves = [
        command.reserve
        for packed in packed_requests(load)
        for command in pb.ApplyRequest.FromString(packed).commands
    ]
    assert len({reserve.reservation_id for reserve in reserves}) == 12
    assert len({reserve.buyer_id for reserve in reserves}) == 12
    assert {reserve.tenant for reserve in reserves} == {"t"}


def test_another_prefix_makes_other_ids() -> None:
    one, other = (packed_requests(Load(calls=5, prefix=prefix)) for prefix in ("r.0", "r.1"))
    assert not set(one) & set(other)


def test_an_order_of_five_lines_has_five_skus() -> None:
    load = Load(calls=2, method="Apply", commands=3, skus=1_000, lines=5, prefix="p")
    for packed in packed_requests(load):
        for command in pb.ApplyRequest.FromString(packed).commands:
            assert len({line.sku for line in command.reserve.lines}) == 5


def test_the_second_half_of_a_pair_confirms_the_first() -> None:
    load = Load(calls=1, method="Apply", commands=6, confirmed=True, prefix="p")
    (packed,) = packed_requests(load)
    commands = pb.ApplyRequest.FromString(packed).commands
    reserved = [command.reserve.reservation_id for command in commands[:3]]
    assert reserved == [command.confirm.reservation_id for command in commands[3:]]
    assert all(reserved)
