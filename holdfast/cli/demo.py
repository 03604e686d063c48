"""`holdfast demo`: the main job, from an empty machine to a proven report."""

import sys
from pathlib import Path

from holdfast.cli.arguments import Ratio, Units
from holdfast.cli.connection import Output, quiet_grpc
from holdfast.cli.server_commands import needed_programs

STOCK_RATIO_DEFAULT = 0.8
CONCURRENCY_DEFAULT = 200
ENGINE_SECONDS_DEFAULT = 3.0


def demo(
    *,
    orders: Path | None = None,
    stock_ratio: Ratio = STOCK_RATIO_DEFAULT,
    concurrency: Units = CONCURRENCY_DEFAULT,
    engine_seconds: float = ENGINE_SECONDS_DEFAULT,
    seed: Units | None = None,
    output: Output = "table",
) -> int:
    """Sells, ships and refunds many orders, and proves no unit or penny was lost.

    Starts engine, order service and a sandbox of the outside world in a
    temporary directory. The engine first sells alone for a few seconds. Then
    the whole way: places the orders, with calls repeated and clients
    killed half way; has them paid, some late, some twice, some unheard of;
    picks, packs and delivers them in parcels; takes returns; audits stock,
    orders and money, and prints a report. Exit status 1 if anything is wrong.

    For example:
      holdfast demo
      holdfast demo --seed 7 --concurrency 500
      holdfast demo --orders online_retail.csv -o json

    Parameters
    ----------
    orders
        A CSV file of invoices, in the columns of the Online Retail data set; else orders are made
        up from a seed.
    stock_ratio
        Initial stock, as a part of each SKU's demand.
    concurrency
        Buyers at once.
    engine_seconds
        How long the engine sells alone first, to show what it can do; 0: not at all.
    seed
        The seed of all that is made up; printed, so that a run can be repeated.
    output
        A table for people, or one JSON document.
    """
    # The demo reads some of what the servers stand on, too.
    sys.path.insert(0, str(needed_programs("demo")))
    quiet_grpc()
    from holdfast.cli.output import stderr_console
    from holdfast.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        orders=orders,
        stock_ratio=stock_ratio,
        concurrency=concurrency,
        engine_seconds=engine_seconds,
        seed=seed,
        json=output == "json",
    )
    return run_demo(options, stderr_console())
