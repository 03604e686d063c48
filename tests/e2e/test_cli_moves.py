"""Units moved by hand, on the command line: where the person says, once per id."""

import pytest

from holdfast.sync_client import SyncClient
from tests.e2e.ran import Holdfast


def test_moved_units_go_where_the_person_says(holdfast: Holdfast, client: SyncClient) -> None:
    holdfast("stock set MUG 6")
    client.reserve("order-1", [("MUG", 5)])
    client.confirm("order-1")
    lost = holdfast("reservation cancel order-1 MUG=1 --disposition lost -o json").json()
    assert lost["result"]["state"] == "CONFIRMED"
    holdfast("reservation ship order-1")
    refused = holdfast("reservation return order-1 --to-location bj")
    assert refused.exit_status == 1
    assert "`holdfast stock set SKU 0 --location LOCATION` makes a level there" in refused.err
    holdfast("stock set MUG 0 --location bj")
    assert holdfast("reservation return order-1 MUG=1 --to-location bj --id r-1").exit_status == 0
    elsewhere = holdfast("reservation return order-1 MUG=1 --to-location default --id r-1")
    assert (elsewhere.exit_status, "used before" in elsewhere.err) == (1, True)
    mixed = holdfast("reservation return order-1 --damaged --disposition lost")
    assert (mixed.exit_status, "--disposition lost" in mixed.err) == (2, True)
    holdfast("reservation return order-1 MUG=1 --to-location bj --disposition damaged")
    holdfast("reservation return order-1 --disposition lost")
    levels = {it["location"]: it for it in holdfast("stock get MUG -o json").json()["levels"]}
    assert (levels["default"]["on_hand"], levels["default"]["damaged"]) == (1, 0)
    assert (levels["bj"]["on_hand"], levels["bj"]["damaged"]) == (1, 1)
    [line] = holdfast("reservation get order-1 -o json").json()["reservation"]["lines"]
    assert (line["cancelled"], line["shipped"], line["returned"]) == (1, 4, 4)


def test_units_are_transferred_and_made_good_by_command(holdfast: Holdfast) -> None:
    holdfast("stock set MUG 6")
    missing = holdfast("stock move MUG 2 --from default --to bj")
    assert (missing.exit_status, "`holdfast stock set MUG 0 --location bj`" in missing.err) == (
        1,
        True,
    )
    holdfast("stock set MUG 0 --location bj")
    depart = "stock transfer MUG 4 --from default --to bj --depart --id lorry-7"
    assert (
        "Moved 4 MUG from default to bj (incoming). The move's id is lorry-7."
        in holdfast(depart).out
    )
    assert "before; nothing was moved now" in holdfast(depart).out
    arrived = holdfast("stock transfer MUG 3 --to bj --arrive -o json").json()
    assert (arrived["to_level"]["on_hand"], arrived["to_level"]["incoming"]) == (3, 1)
    assert (arrived["move_id"][:3], arrived["replayed"]) == ("mv-", False)
    holdfast("stock move MUG 1 --from bj:incoming --to bj:damaged")
    good = holdfast("stock move MUG 1 --from bj:damaged --to bj --reason refurbished").out
    assert "Moved 1 MUG from bj (damaged) to bj." in good
    too_many = holdfast("stock move MUG 9 --from bj --to outside")
    assert (too_many.exit_status, "cannot leave bj: 4 can" in too_many.err) == (1, True)
    bought = holdfast("stock move MUG 5 --from outside --to :incoming -o json").json()
    assert (bought["from_level"], bought["to_level"]["incoming"]) == (None, 5)
    levels = {it["location"]: it for it in holdfast("stock list -o json").json()["levels"]}
    assert (levels["default"]["on_hand"], levels["bj"]["on_hand"]) == (2, 4)
    table = holdfast("stock get MUG").out
    assert ("Damaged" in table, "Incoming" in table) == (True, True)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("stock move MUG 1 --from bj --to bj", "must be another place"),
        (
            "stock move MUG 1 --from bj:outside --to bj",
            "must be LOCATION, LOCATION:BUCKET or outside",
        ),
        ("stock move MUG 1 --to bj", "--from requires an argument"),
        ("stock move MUG 0 --from bj --to sh", "must be 1 or more"),
        ("stock transfer MUG 1 --to bj", "say with --from"),
        ("stock transfer MUG 1 --from a --to b --depart --arrive", "either --depart or --arrive"),
    ],
)
def test_a_move_that_is_none_is_a_mistake_of_the_command_line(
    holdfast: Holdfast, command: str, said: str
) -> None:
    failed = holdfast(command)
    assert (failed.exit_status, said in failed.err) == (2, True)
