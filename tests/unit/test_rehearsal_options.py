"""The options of a rehearsal, the phases and the sale made of them, and its response times."""

import argparse
import dataclasses
import subprocess
import sys

import pytest

from benchmarks.flash_sale.gate import bucket_response_time
from benchmarks.flash_sale.options import (
    OptionError,
    Settings,
    add_to,
    checked_target,
    flags_of,
    settings_from,
)
from benchmarks.flash_sale.sale import from_message, phase_at, phases, sale_of, to_message
from tests.tidy.sources import ROOT

UNITS = {"s": "seconds", "ms": "milliseconds"}


def test_the_defaults_can_be_used() -> None:
    assert settings_from({}) == Settings()


def test_settings_survive_the_command_line() -> None:
    settings = Settings(skus=3, stock=7, think_s=0.25, tenant="shop-2", slo_p99_ms=12.5)
    parser = argparse.ArgumentParser()
    add_to(parser)
    assert settings_from(vars(parser.parse_args(flags_of(settings)))) == settings


def test_every_option_of_time_names_its_unit() -> None:
    for setting in dataclasses.fields(Settings):
        unit = UNITS.get(setting.name.rpartition("_")[2])
        assert unit is None or unit in setting.metadata["meaning"], setting.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skus", 0),
        ("skus", 1_001),
        ("stock", -1),
        ("stock", "many"),
        ("stock", "1.5"),
        ("limit_per_buyer", -1),
        ("peak_users", 0),
        ("burst_s", 0),
        ("think_s", -0.1),
        ("think_s", "nan"),
        ("think_s", "inf"),
        ("slo_p99_ms", 0),
        ("tenant", "a b"),
        ("tenant", "a" * 65),
    ],
)
def test_nonsense_names_the_option_and_the_value(name: str, value: object) -> None:
    with pytest.raises(OptionError) as refused:
        settings_from({name: value})
    assert f"--{name.replace('_', '-')} must be" in str(refused.value)
    assert str(value) in str(refused.value)


def test_payments_must_be_faster_than_deadlines() -> None:
    with pytest.raises(OptionError, match="--ttl-s"):
        settings_from({"payment_s": 2.0, "ttl_s": 3.0})
    settings_from({"payment_s": 2.0, "ttl_s": 3.1})


@pytest.mark.parametrize("host", ["127.0.0.1:7600", "holdfast:7600", "dns:///holdfast:7600"])
def test_a_target_is_a_host_and_a_port(host: str) -> None:
    assert checked_target(host) == host


@pytest.mark.parametrize("host", ["", "http://127.0.0.1:7600", "127.0.0.1", "127.0.0.1:http"])
def test_what_is_no_target_is_refused(host: str) -> None:
    with pytest.raises(OptionError, match="--host"):
        checked_target(host)


def test_a_sale_gathers_bursts_tails_off_and_closes() -> None:
    settings = Settings(peak_users=50, gather_s=2.0, burst_s=3.0, tail_s=4.0)
    seen = [phase_at(settings, second).name for second in (0, 1.9, 2, 4.9, 5, 8.9, 9, 1e6)]
    assert seen == ["gather"] * 2 + ["burst"] * 2 + ["tail"] * 2 + ["closing"] * 2
    assert [phase.users for phase in phases(settings)] == [50, 50, 10, 0]
    arrived_s = 50 / phases(settings)[0].users_per_s
    assert arrived_s < settings.gather_s


def test_a_tail_is_never_empty() -> None:
    assert phases(Settings(peak_users=1))[2].users == 1


def test_each_run_has_articles_and_a_tenant_of_its_own() -> None:
    one, other = sale_of(Settings(), "r1"), sale_of(Settings(), "r2")
    assert one.tenant != other.tenant
    assert not set(one.skus) & set(other.skus)
    named = sale_of(Settings(tenant="shop"), "r3")
    assert named.tenant == "shop"
    assert not set(named.skus) & set(one.skus)


def test_a_worker_gets_the_sale_that_the_master_sent() -> None:
    sale = sale_of(Settings(skus=3), "r1")._replace(opens_at_s=1.5)
    assert from_message({**to_message(sale), "skus": list(sale.skus)}) == sale


def test_every_article_is_wanted_the_first_the_most() -> None:
    sale = sale_of(Settings(skus=10), "r1")
    draws = [sale.wanted_sku(number / 10_000) for number in range(10_000)]
    counts = [draws.count(sku) for sku in sale.skus]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 0
    assert sum(counts) == 10_000


@pytest.mark.parametrize(
    ("time_ms", "bucket_ms"),
    [
        (0.004, 0.0),
        (0.416, 0.42),
        (9.994, 9.99),
        (10.0, 10.0),
        (14.76, 14.8),
        (99.96, 100),
        (147.6, 148),
        (1_476, 1_480),
        (14_761, 14_800),
    ],
)
def test_response_times_keep_three_digits(time_ms: float, bucket_ms: float) -> None:
    assert bucket_response_time(time_ms) == bucket_ms


def test_however_many_responses_there_are_few_times_are_stored() -> None:
    buckets = {bucket_response_time(number / 250) for number in range(2_500_000)}
    assert len(buckets) <= 3_701


def test_every_option_of_the_sale_is_a_field_of_the_web_form() -> None:
    program = (
        "from locust.argument_parser import LocustArgumentParser\n"
        "from benchmarks.flash_sale.options import add_to\n"
        "parser = LocustArgumentParser()\n"
        "add_to(parser)\n"
        "print(*sorted(parser.args_included_in_web_ui))"
    )
    # In a process of its own: importing Locust replaces the threads and sockets of this one.
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    fields = {setting.name for setting in dataclasses.fields(Settings)}
    assert fields <= set(ran.stdout.split())
