"""`holdfast stock ...`: what there is to sell."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from holdfast.cli.arguments import OPERATE, Limit, Units
from holdfast.cli.connection import DEFAULT_CONNECTION, Connection
from holdfast.cli.failures import Failure
from holdfast.cli.lists import print_rows
from holdfast.cli.output import print_json, print_remark, table_of

if TYPE_CHECKING:
    from holdfast.types import StockLevel

app = App(name="stock", group=OPERATE, help="Reads and sets what there is to sell.")
app.command("holdfast.cli.stock_import_command:import_file", name="import")
app.command("holdfast.cli.stock_moves:move")
app.command("holdfast.cli.stock_moves:transfer")

LIST_LIMIT_DEFAULT = 1_000

print_table_of_levels = table_of(
    {
        "SKU": "sku",
        "Location": "location",
        "Available": "available",
        "On hand": "on_hand",
        "Reserved": "reserved",
        "Confirmed": "confirmed",
        "Damaged": "damaged",
        "Incoming": "incoming",
        "Safety stock": "safety_stock",
        "Limit per buyer": lambda level: level.limit_per_buyer or "-",
        "Version": "version",
    }
)


@app.command(name="set")
def set_(
    sku: str,
    on_hand: Units,
    /,
    *,
    location: str = "default",
    safety_stock: Units | None = None,
    limit_per_buyer: Units | None = None,
    expected_version: Units | None = None,
    id_: Annotated[str, Parameter(name="--id")] = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Creates a stock level or sets what is on hand, and the settings that are given.

    A setting that is not given stays as it is; a new level has none. On hand may
    not go below what is reserved and confirmed. If the answer is lost, send the
    same again with the --id that is printed: what was sold or shipped meanwhile
    is not undone.

    For example:
      holdfast stock set SKU-1 50
      holdfast stock set SKU-1 50 --safety-stock 5 --limit-per-buyer 2
      holdfast stock set SKU-1 50 --limit-per-buyer 0
      holdfast stock set SKU-1 50 --expected-version 0

    Parameters
    ----------
    sku
        The article.
    on_hand
        Units in the building, reserved and confirmed ones included.
    location
        Where the stock is.
    safety_stock
        Units never offered for sale.
    limit_per_buyer
        Most units one buyer may have; 0 means no limit.
    expected_version
        Only if the level has this version; 0 means only if it does not exist.
    id_
        The setting's id, kept for an hour; made unless given.
    """
    from holdfast.cli.imports.names import oddity
    from holdfast.types import new_setting_id

    if odd := oddity("SKU", sku):
        print_remark(f"Note: {odd}.")
    setting_id = id_ or new_setting_id()
    hint = f"If it may have been done, repeat it with --id {setting_id}"
    with connection.client(lost_hint=hint) as client:
        level = client.set_stock(
            sku,
            on_hand,
            location=location,
            safety_stock=safety_stock,
            limit_per_buyer=limit_per_buyer,
            expected_version=expected_version,
            setting_id=setting_id,
        )
    _print_level(level, connection, setting_id=setting_id)


@app.command
def get(
    *skus: Annotated[str, Parameter(required=True)],
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Shows the stock levels of some SKUs, one per location.

    Exit status 1 if one of them has none.

    For example:
      holdfast stock get SKU-1 SKU-2
      holdfast stock get SKU-1 -o json

    Parameters
    ----------
    skus
        The articles, at most 1,000.
    """
    with connection.client() as client:
        levels = client.get_stock(*skus)
    missing = sorted(set(skus) - {level.sku for level in levels})
    if levels or connection.as_json:
        _print_levels(levels, connection)
    if missing:
        raise Failure(
            f"no stock level for SKU {', '.join(missing)} in tenant {connection.tenant}. "
            f"Create it with `holdfast stock set {missing[0]} UNITS`",
            reason="STOCK_NOT_FOUND",
            details={"skus": missing},
        )


@app.command(name="list")
def list_(
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Lists stock levels, in no particular order.

    For example:
      holdfast stock list
      holdfast stock list --limit 100000 -o json
    """
    with connection.client() as client:
        table = None if connection.as_json else print_table_of_levels.parts
        print_rows(
            client.list_stock(), "levels", limit, table, more="There are more: raise --limit."
        )


@app.command
def adjust(
    sku: str,
    delta: Units,
    /,
    *,
    location: str = "default",
    reason: str = "",
    id_: Annotated[str, Parameter(name="--id")] = "",
    connection: Connection = DEFAULT_CONNECTION,
) -> None:
    """Adds units to on hand, or takes them, once per id.

    If the answer is lost, send the same again with the --id that was printed:
    it is not counted twice.

    For example:
      holdfast stock adjust SKU-1 +5 --reason "found behind the shelf"
      holdfast stock adjust SKU-1 -5 --reason "broken" --id count-2030-01

    Parameters
    ----------
    sku
        The article.
    delta
        Units to add, or to take if negative.
    location
        Where the stock is.
    reason
        Why, for the journal.
    id_
        The adjustment's id; made and printed unless given.
    """
    adjustment_id = id_ or f"adj-{uuid.uuid4().hex}"
    with connection.client(hint=f"The adjustment's id is {adjustment_id}") as client:
        level = client.adjust_stock(sku, delta, adjustment_id, location=location, reason=reason)
    if not connection.as_json:
        print(f"Adjusted by {delta:+,} units; the adjustment's id is {adjustment_id}.")
    _print_level(level, connection, adjustment_id=adjustment_id)


def _print_level(level: "StockLevel", connection: Connection, **more: str) -> None:
    if connection.as_json:
        print_json({"level": level, **more})
    else:
        print_table_of_levels([level])


def _print_levels(levels: Sequence["StockLevel"], connection: Connection) -> None:
    if connection.as_json:
        print_json({"levels": levels, "truncated": False})
    else:
        print_table_of_levels(levels)
