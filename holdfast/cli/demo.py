"""`holdfast demo`: the main job, from an empty machine to a proven report."""

from functools import partial
from pathlib import Path
from typing import Annotated

from holdfast.cli.arguments import Ratio, Units, read_as, whole_number
from holdfast.cli.connection import Output, quiet_grpc

STOCK_RATIO_DEFAULT = 0.8
CONCURRENCY_DEFAULT = 200
CONCURRENCY_MAX = 10_000

Concurrency = Annotated[int, read_as(partial(whole_number, least=1, most=CONCURRENCY_MAX))]


def demo(
    *,
    orders: Path | None = None,
    stock_ratio: Ratio = STOCK_RATIO_DEFAULT,
    concurrency: Concurrency = CONCURRENCY_DEFAULT,
    seed: Units | None = None,
    output: Output = "table",
) -> int:
    """Replays many orders against a store of its own and proves no unit was lost.

    Starts store and server in a temporary directory, loads stock, sends the
    orders with calls repeated and clients killed half way, confirms, releases,
    ships and returns, audits, and prints a report. Exit status 1 if the audit
    fails.

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
    seed
        Of what is made up; printed, so that a run can be repeated.
    output
        A table for people, or one JSON document.
    """
    import asyncio

    quiet_grpc()
    from holdfast.cli.output import stderr_console, stdout_console
    from holdfast.demo.run import DemoOptions, run_demo

    as_json = output == "json"
    options = DemoOptions(
        orders=orders, stock_ratio=stock_ratio, concurrency=concurrency, seed=seed, json=as_json
    )
    console = stderr_console() if as_json else stdout_console()
    return asyncio.run(run_demo(options, console))
