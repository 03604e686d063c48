"""`holdfast` as a person uses it, against a real server and store."""

import os
import re
import time

import pytest

from holdfast.cli.__main__ import run
from holdfast.sync_client import SyncClient
from tests.e2e.ran import Holdfast
from tests.serving import Server

# stock


def test_stock_is_set_and_shown(holdfast: Holdfast) -> None:
    assert holdfast("stock set SKU-1 1250 --safety-stock 50 --limit-per-buyer 2").exit_status == 0
    shown = holdfast("stock get SKU-1")
    assert shown.exit_status == 0
    assert shown.err == ""
    header, _, row = [line.split() for line in shown.out.splitlines() if line.strip()]
    assert header[:3] == ["SKU", "Location", "Available"]
    assert row == ["SKU-1", "default", "1,200", "1,250", *["0"] * 4, "50", "2", "1"]


def test_stock_is_one_json_document(holdfast: Holdfast, tenant: str) -> None:
    level = holdfast("stock set SKU-1 50 --location shop-7 -o json").json()["level"]
    assert level == {
        "tenant": tenant,
        "sku": "SKU-1",
        "location": "shop-7",
        "on_hand": 50,
        "reserved": 0,
        "confirmed": 0,
        "damaged": 0,
        "safety_stock": 0,
        "available": 50,
        "limit_per_buyer": 0,
        "version": 1,
        "incoming": 0,
    }
    assert holdfast("stock get SKU-1 -o json").json() == {"levels": [level], "truncated": False}


def test_a_sku_without_stock_is_not_found_and_the_others_are_shown(holdfast: Holdfast) -> None:
    holdfast("stock set SKU-1 50")
    ran = holdfast("stock get SKU-1 SKU-2 -o json")
    assert ran.exit_status == 1
    assert [level["sku"] for level in ran.json()["levels"]] == ["SKU-1"]
    assert ran.error()["details"] == {"skus": ["SKU-2"]}
    assert "holdfast stock set SKU-2" in ran.error()["message"]


def test_stock_below_what_is_reserved_is_refused(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 50)
    client.reserve("order-1", [("SKU-1", 3)])
    ran = holdfast("stock set SKU-1 2")
    assert ran.exit_status == 1
    assert ran.out == ""
    assert "below the 3 units" in ran.err
    assert client.get_stock("SKU-1")[0].on_hand == 50


def test_a_version_that_is_not_expected_is_refused(holdfast: Holdfast) -> None:
    assert holdfast("stock set SKU-1 50 --expected-version 0").exit_status == 0
    ran = holdfast("stock set SKU-1 60 --expected-version 0 -o json")
    assert ran.exit_status == 1
    assert ran.error()["reason"] == "VERSION_MISMATCH"


def test_a_value_beyond_the_contract_is_usage_and_names_its_field(holdfast: Holdfast) -> None:
    ran = holdfast("stock set SKU-1 1000000000001 -o json")
    assert ran.exit_status == 2
    assert ran.error()["details"]["field"] == "on_hand"
    assert ran.error()["reason"] == "INVALID_FIELD"


def test_a_sku_that_is_not_utf8_is_refused_cleanly(holdfast: Holdfast) -> None:
    ran = holdfast("stock get", os.fsdecode(b"SKU\xff"))
    assert ran.exit_status == 2
    assert "is not valid UTF-8" in ran.err


def test_a_sku_may_look_like_markup(holdfast: Holdfast) -> None:
    holdfast("stock set [red]售后[/] 50")
    assert "[red]售后[/]" in holdfast("stock get [red]售后[/]").out


def test_stock_is_adjusted_up_and_down(holdfast: Holdfast) -> None:
    holdfast("stock set SKU-1 50")
    assert holdfast("stock adjust SKU-1 +5 -o json").json()["level"]["on_hand"] == 55
    ran = holdfast("stock adjust SKU-1 -15 --reason broken")
    assert ran.exit_status == 0
    assert re.match(r"Adjusted by -15 units; the adjustment's id is adj-[0-9a-f]{32}\.", ran.out)
    assert holdfast("stock get SKU-1 -o json").json()["levels"][0]["on_hand"] == 40


def test_an_adjustment_counts_once_per_id(holdfast: Holdfast) -> None:
    holdfast("stock set SKU-1 50")
    for _ in range(2):
        ran = holdfast("stock adjust SKU-1 -5 --id count-7 -o json")
        assert ran.json()["adjustment_id"] == "count-7"
        assert ran.json()["level"]["on_hand"] == 45
    ran = holdfast("stock adjust SKU-1 -6 --id count-7 -o json")
    assert ran.exit_status == 1
    assert ran.error()["reason"] == "ADJUSTMENT_ID_REUSED"


def test_an_adjustment_of_no_stock_is_not_found_and_names_the_id_it_made(
    holdfast: Holdfast,
) -> None:
    ran = holdfast("stock adjust SKU-1 5")
    assert ran.exit_status == 1
    assert "no stock level for SKU SKU-1" in ran.err
    assert re.search(r"The adjustment's id is adj-[0-9a-f]{32}", ran.err)


def test_a_list_says_whether_there_is_more(holdfast: Holdfast) -> None:
    for number in range(3):
        holdfast(f"stock set SKU-{number} 5")
    ran = holdfast("stock list --limit 2 -o json")
    assert len(ran.json()["levels"]) == 2
    assert ran.json()["truncated"] is True
    assert holdfast("stock list --limit 3 -o json").json()["truncated"] is False
    assert "raise --limit" in holdfast("stock list --limit 2").err


def test_a_list_of_nothing_is_empty(holdfast: Holdfast) -> None:
    assert holdfast("stock list -o json").json() == {"levels": [], "truncated": False}
    assert holdfast("stock list").exit_status == 0


# reservation


def test_a_reservation_is_shown(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5_000)
    client.reserve("order-1", [("SKU-1", 1_200)], buyer_id="b-1", ttl_ms=3_600_000)
    ran = holdfast("reservation get order-1")
    assert ran.exit_status == 0
    assert re.search(r"^ *State +RESERVED", ran.out, re.MULTILINE)
    assert re.search(r"^ *Deadline +\d{4}-\d\d-\d\d .* \(59m \d+s left\)", ran.out, re.MULTILINE)
    assert re.search(r"^ *SKU-1 +default +1,200 +0 +0 +0 +0 *$", ran.out, re.MULTILINE)


def test_a_reservation_is_one_json_document(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 2)])
    client.confirm("order-1")
    client.ship("order-1", "ship-1", [("SKU-1", 1)])
    read = client.get_reservation("order-1")
    document = holdfast("reservation get order-1 -o json").json()["reservation"]
    assert document["state"] == "CONFIRMED"
    assert document["expires_at_ms"] == read.expires_at_ms
    assert document["lines"] == [
        {
            "sku": "SKU-1",
            "location": "default",
            "quantity": 2,
            "shipped": 1,
            "cancelled": 0,
            "returned": 0,
            "exchanged": 0,
        }
    ]


def test_a_reservation_that_is_not_there_is_not_found(holdfast: Holdfast) -> None:
    ran = holdfast("reservation get order-1 -o json")
    assert ran.exit_status == 1
    assert ran.out == ""
    assert ran.error()["reason"] == "RESERVATION_NOT_FOUND"
    assert "order-1" in ran.error()["message"]


def test_reservations_are_listed_by_state_sku_and_buyer(
    holdfast: Holdfast, client: SyncClient
) -> None:
    client.set_stock("SKU-1", 50)
    client.set_stock("SKU-2", 50)
    client.reserve("order-1", [("SKU-1", 1)], buyer_id="b-1")
    client.reserve("order-2", [("SKU-1", 1), ("SKU-2", 1)], buyer_id="b-2")
    client.reserve("order-3", [("SKU-2", 1)], buyer_id="b-2")
    client.confirm("order-3")

    def listed(options: str) -> set[str]:
        document = holdfast(f"reservation list {options} -o json").json()
        return {reservation["reservation_id"] for reservation in document["reservations"]}

    assert listed("") == {"order-1", "order-2", "order-3"}
    assert listed("--state reserved") == {"order-1", "order-2"}
    assert listed("--state CONFIRMED") == {"order-3"}
    assert listed("--sku SKU-2") == {"order-2", "order-3"}
    assert listed("--buyer b-2 --state reserved") == {"order-2"}
    assert len(listed("--limit 2")) == 2
    table = holdfast("reservation list")
    assert re.search(r"order-2 +RESERVED +2 +2 +b-2 .* 14m \d+s left", table.out)


def test_a_release_gives_the_units_back(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 5)])
    assert holdfast("reservation release order-1") == (0, "Released order-1.\n", "")
    assert client.get_stock("SKU-1")[0].available == 5
    again = holdfast("reservation release order-1")
    assert again.exit_status == 0
    assert "before; nothing was changed now" in again.out


def test_a_mistyped_release_changes_nothing(holdfast: Holdfast, client: SyncClient) -> None:
    ran = holdfast("reservation release order-l")
    assert ran.exit_status == 1
    assert "no reservation order-l" in ran.err
    assert "Nothing was changed" in ran.err
    client.set_stock("SKU-1", 5)
    assert client.reserve("order-l", [("SKU-1", 1)]).applied


def test_a_tombstone_is_left_where_it_is_asked_for(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    ran = holdfast("reservation release order-1 --tombstone -o json")
    assert ran.exit_status == 0
    assert ran.json()["result"]["state"] == "RELEASED"
    assert client.reserve("order-1", [("SKU-1", 1)]).outcome.name == "ALREADY_RELEASED"
    assert "released before it was made" in holdfast("reservation get order-1").out


def test_a_sold_reservation_cannot_be_released(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 1)])
    client.confirm("order-1")
    ran = holdfast("reservation release order-1 -o json")
    assert ran.exit_status == 1
    assert ran.out == ""
    assert ran.error()["reason"] == "ALREADY_CONFIRMED"
    assert ran.error()["details"] == {"reservation_id": "order-1", "state": "CONFIRMED"}


def test_a_deadline_is_moved_by_a_duration_or_to_a_time(
    holdfast: Holdfast, client: SyncClient
) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 1)], ttl_ms=60_000)
    ran = holdfast("reservation extend order-1 --ttl 2h")
    assert ran.exit_status == 0
    assert re.search(r"Extended order-1\. Its deadline is .* \(1h 59m left\)\.", ran.out)
    until_ms = time.time_ns() // 1_000_000 + 3_600_000
    ran = holdfast(f"reservation extend order-1 --until {until_ms} -o json")
    assert ran.json()["result"]["expires_at_ms"] == until_ms
    assert client.get_reservation("order-1").expires_at_ms == until_ms


def test_a_deadline_in_the_past_is_refused(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 1)])
    ran = holdfast("reservation extend order-1 --until 2020-01-01T00:00Z -o json")
    assert ran.exit_status == 2
    assert ran.error()["details"]["field"] == "expires_at_ms"


def test_what_does_not_exist_cannot_be_extended(holdfast: Holdfast) -> None:
    ran = holdfast("reservation extend order-1 --ttl 15m -o json")
    assert ran.exit_status == 1
    assert ran.error()["reason"] == "NOT_FOUND"


# audit and status


def test_an_audit_of_a_sound_shop_is_ok(holdfast: Holdfast, client: SyncClient) -> None:
    client.set_stock("SKU-1", 5)
    client.reserve("order-1", [("SKU-1", 2)])
    ran = holdfast("audit")
    assert ran.exit_status == 0
    assert ran.out.startswith("Audit ok: 1 stock levels, 1 reservations, ")
    document = holdfast("audit -o json").json()
    assert (document["ok"], document["findings"], document["reservations"]) == (True, [], 1)


def test_the_status_names_the_store(holdfast: Holdfast, server: Server) -> None:
    ran = holdfast("status")
    assert ran.exit_status == 0
    assert re.search(r"^ *Serves +yes", ran.out, re.MULTILINE)
    assert run(["status", "-o", "json", "--target", server.target]) == 0


def test_a_sold_reservation_is_moved_by_command_and_the_ids_are_printed(
    holdfast: Holdfast, client: SyncClient
) -> None:
    holdfast("stock set MUG 5")
    client.reserve("order-1", [("MUG", 3)])
    assert "confirm order-1` sells it" in holdfast("reservation ship order-1").err
    assert holdfast("reservation confirm order-1").out == "Confirmed order-1.\n"
    refused = holdfast("reservation release order-1")
    assert "`holdfast reservation cancel order-1` gives its units back" in refused.err
    below = holdfast("stock set MUG 1")
    assert "`holdfast reservation list --sku MUG`" in below.err
    cancelled = holdfast("reservation cancel order-1 MUG=1 --id c-1 -o json").json()
    assert (cancelled["cancellation_id"], cancelled["result"]["replayed"]) == ("c-1", False)
    again = holdfast("reservation cancel order-1 MUG=1 --id c-1")
    assert "nothing was changed now" in again.out
    assert "The cancellation's id is c-1." in again.out
    shipped = holdfast("reservation ship order-1 -o json").json()
    assert shipped["result"]["state"] == "FULFILLED"
    assert holdfast("reservation return order-1 MUG=1 --damaged").exit_status == 0
    level = holdfast("stock get MUG -o json").json()["levels"][0]
    assert (level["on_hand"], level["damaged"], level["available"]) == (3, 1, 3)
    many = holdfast("reservation return order-1 MUG=9")
    assert (many.exit_status, "tells what is left" in many.err) == (1, True)


def test_a_buyer_at_the_limit_gets_the_replacement_first(holdfast: Holdfast) -> None:
    holdfast("stock set MUG 5 --limit-per-buyer 1")
    holdfast("reservation reserve old MUG=1 --buyer li")
    holdfast("reservation confirm old")
    early = holdfast("reservation reserve new MUG=1 --in-exchange-for old")
    assert (early.exit_status, "reservation old: more units than are left" in early.err) == (
        1,
        True,
    )
    holdfast("reservation ship old")
    plain = holdfast("reservation reserve new MUG=1 --buyer li")
    assert (plain.exit_status, "limit per buyer" in plain.err) == (1, True)
    unknown = holdfast("reservation reserve new MUG=1 --in-exchange-for nobody")
    assert (unknown.exit_status, "nobody" in unknown.err) == (1, True)
    alone = holdfast("reservation reserve new MUG=1 --exchanged MUG=1")
    assert (alone.exit_status, "--in-exchange-for RESERVATION" in alone.err) == (2, True)
    assert holdfast("reservation reserve new").exit_status == 2
    made = holdfast("reservation reserve new MUG=1 --in-exchange-for old --exchanged MUG=1")
    assert "Reserved new" in made.out
    [line] = holdfast("reservation get old -o json").json()["reservation"]["lines"]
    assert (line["shipped"], line["exchanged"]) == (1, 1)
    assert "Exchanged" in holdfast("explain old").out
    holdfast("reservation return old --for-exchange new")
    [line] = holdfast("reservation get old -o json").json()["reservation"]["lines"]
    assert (line["returned"], line["exchanged"]) == (1, 0)
    more = holdfast("reservation reserve more MUG=1 --buyer li")
    assert (more.exit_status, "limit per buyer" in more.err) == (1, True)
    assert holdfast("audit").exit_status == 0


@pytest.mark.parametrize("target", ["localhost", "http://127.0.0.1:7600", "127.0.0.1"])
def test_a_target_that_is_none_is_a_mistake_of_the_command_line(target: str) -> None:
    assert run(["stock", "list", "--target", target]) == 2


def test_a_server_that_is_not_there_is_told_without_a_librarys_list_of_addresses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["stock", "list", "--target", "127.0.0.1:1"]) == 3
    assert "no answer from a server at 127.0.0.1:1 (Connection refused)" in capsys.readouterr().err


def test_the_wrong_server_is_named(client: SyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["orders", "list", "--orders-target", client.target]) == 1
    assert "does not offer this call: it is an engine" in capsys.readouterr().err


def test_reservations_are_listed_by_age_and_by_deadline(
    holdfast: Holdfast, client: SyncClient
) -> None:
    client.set_stock("SKU-1", 10)
    for name, ttl_ms in (("late", 900_000), ("soon", 60_000), ("later", 1_800_000)):
        assert client.reserve(name, [("SKU-1", 1)], ttl_ms=ttl_ms).applied

    def listed(line: str) -> list[str]:
        document = holdfast(f"reservation list {line} -o json").json()
        return [found["reservation_id"] for found in document["reservations"]]

    assert listed("--sort age") == ["late", "soon", "later"]
    assert listed("--sort deadline --limit 2") == ["soon", "late"]
    assert listed("--due-within 5m") == ["soon"]
    assert listed("--older-than 1h") == []
    assert "Nothing fits" in holdfast("reservation list --older-than 1h").err
