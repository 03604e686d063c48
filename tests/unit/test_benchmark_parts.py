"""Parts of a run: what is kept of one that broke off, and what is made of all."""

from pathlib import Path

from benchmarks.document import results_of, rounds_of
from benchmarks.kept import Kept, Part, kept_in
from benchmarks.load import packed_requests
from benchmarks.loads import Load
from benchmarks.parts import PARTS
from benchmarks.rounds import Audit
from benchmarks.sample import Reading
from benchmarks.scenarios import BATCHES, UNARY, WORKERS, open_loop
from benchmarks.targets import TARGETS, Target
from holdfast.inventory.v1 import inventory_pb2 as pb

ROUND = {"echo_64": Reading(6_000.0, 1.0, 2.0, 0, 10, 0, server_cpu_us=100.0)}
PART = Part({"echo_64": "the echo"}, [ROUND, ROUND], {"echo_64": Audit(1, 1, 0)})


def test_a_part_is_kept_when_it_is_finished_and_found_by_the_same_code(tmp_path: Path) -> None:
    file = tmp_path / "results" / "run.json"
    Kept(of="code 3", begun="2026-01-02", scale=0.5).keep("unary", PART, 12.0, file)
    kept = kept_in(file, "code 3")
    assert kept is not None
    assert (kept.parts, kept.scale, kept.took_s) == ({"unary": PART}, 0.5, 12.0)
    assert kept_in(file, "other code 3") is None
    assert kept_in(tmp_path / "none.json", "code 3") is None
    file.write_text("{")  # the machine stopped while it was written
    assert kept_in(file, "code 3") is None


def test_results_come_in_the_order_of_their_parts_and_ratios_from_rounds_of_all() -> None:
    reserve = Reading(3_000.0, 1.0, 2.0, 0, 10, 0, server_cpu_us=130.0)
    other = Part({"reserve_64": "Reserve"}, [{"reserve_64": reserve}], {})
    results = results_of([PART, other])
    assert [(one.name, one.title, one.accepted) for one in results] == [
        ("echo_64", "the echo", 20),
        ("reserve_64", "Reserve", 10),
    ]
    rounds = rounds_of([PART, other])
    assert [sorted(one) for one in rounds] == [["echo_64", "reserve_64"], ["echo_64"]]
    (target,) = [one for one in TARGETS if one.name == "reserve_cpu"]
    assert target.value(rounds) == 1.3


def test_a_ratio_of_costs_that_are_not_known_is_none() -> None:
    target = Target("t", "t", "echo_64", ("echo_64",), figure="store_cpu_us")
    assert target.value([ROUND]) is None


def test_every_benchmark_has_a_name_of_its_own_and_parts_share_no_tenant() -> None:
    parts = (UNARY, BATCHES, WORKERS, open_loop(100.0, 0.5) + open_loop(100.0, 0.9))
    assert len(parts) == len(PARTS) - 1  # the orders have theirs
    names = [benchmark.name for part in parts for benchmark in part]
    assert len(set(names)) == len(names)
    tenants = [{tenant for one in part for tenant in one.tenants} for part in parts]
    assert sum(map(len, tenants)) == len(set.union(*tenants))


def test_the_calls_of_a_load_go_to_its_tenants_in_turn() -> None:
    load = Load(calls=4, method="Apply", commands=2, tenants=2, tenant="t", prefix="p")
    calls = [pb.ApplyRequest.FromString(packed).commands for packed in packed_requests(load)]
    assert [{one.reserve.tenant for one in call} for call in calls] == [{"t-0"}, {"t-1"}] * 2
