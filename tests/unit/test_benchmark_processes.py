"""The figures that the benchmarks read of processes and of pgbench."""

import os
import time

import pytest

from benchmarks.peers.postgres_pgbench import latencies_s, script, tps
from benchmarks.processor_time import cpu_s, family, parsed


def test_a_process_may_have_brackets_in_its_name() -> None:
    fields = "S 41 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 100"
    found = parsed(f"42 (a (very) odd) name) {fields}")
    assert (found.name, found.parent) == ("a (very) odd) name", 41)


def test_cpu_time_is_counted_while_a_process_works() -> None:
    before_s, until_s = cpu_s([os.getpid()]), time.process_time() + 0.1
    while time.process_time() < until_s:
        pass
    assert cpu_s([os.getpid()]) - before_s > 0.05


def test_a_process_that_is_gone_has_used_nothing_and_has_no_family() -> None:
    assert cpu_s([2**30]) == 0.0
    assert family(2**30) == {}


def test_a_process_belongs_to_the_family_of_its_parent() -> None:
    assert os.getpid() in family(os.getppid())


def test_the_log_of_pgbench_is_read_in_microseconds() -> None:
    assert latencies_s(["0 1 2500 0 1700000000 12", "3 9 400 0 1700000000 13"]) == [0.0025, 0.0004]


def test_the_rate_of_pgbench_is_the_one_without_connecting() -> None:
    assert tps("x\ntps = 3238.25 (without initial connection time)\n") == 3238.25
    with pytest.raises(SystemExit):
        tps("pgbench: error")


def test_a_sale_by_pgbench_has_an_id_of_its_own() -> None:
    assert script("statement").startswith("\\set id random(")
    assert script("transaction").count(";") == 4
    assert "{id}" not in script("statement") + script("transaction")
