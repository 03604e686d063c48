"""Runs the demo: builds the order log, starts the servers, replays, audits, prints the report."""

import json
import os
import random
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.markup import escape

from holdfast.client import Client
from holdfast.demo.callers import Clients
from holdfast.demo.csv_log import read_order_log
from holdfast.demo.engine_alone import NO_SALE, TENANT, EngineSale, sell_alone
from holdfast.demo.order_log import DemoInputError, initial_stock_units
from holdfast.demo.outside import Outside
from holdfast.demo.plan import plan_buyers, plan_returns
from holdfast.demo.replay import Plan, Replay, replay
from holdfast.demo.report import Figures, Timing, build_report
from holdfast.demo.report_view import view
from holdfast.demo.servers import DemoServers, ServerFailedError, running_servers
from holdfast.demo.synthetic_log import synthetic_log
from holdfast.demo.waiting import DemoStuckError, Stages, stages
from holdfast.errors import HoldfastError
from holdfast.orders import OrderClient
from holdfast.programs import program_environment, programs_home

STOCK_RATIO_MAX = 10.0
CONCURRENCY_MAX = 10_000
ENGINE_SECONDS_MAX = 60.0
SEEDS = 1_000_000
CLIENTS = 4
CALL_TIMEOUT_MS = 60_000
CALL_ATTEMPTS_MAX = 20
REPORT_WIDTH_MAX = 100

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE = 0, 1, 2, 3


@dataclass(frozen=True)
class DemoOptions:
    """The options of the demo.

    `orders`: a CSV file of invoices, None for a log made from the seed. `stock_ratio`: initial
    stock as a share of each SKU's demand, above 0 and at most 10. `concurrency`: buyers at once,
    1 to 10,000. `engine_seconds`: how long the engine alone sells first, 0 to 60. `seed`: decides
    the made log and what buyers do; None for a random one. `json`: one JSON document instead of
    tables.
    """

    orders: Path | None
    stock_ratio: float
    concurrency: int
    engine_seconds: float
    seed: int | None
    json: bool


def run_demo(options: DemoOptions, console: Console) -> int:
    """Runs the demo, prints its report to stdout, and gives the exit code.

    Progress and errors go to `console`. 0: every unit and every penny is where it has to be; 1: it
    is not, or the demo came to no end; 2: the options or the order file cannot be used; 3: a server
    did not start or stopped answering.
    """
    return uvloop.run(_run(options, console))


async def _run(options: DemoOptions, console: Console) -> int:
    started_at = time.perf_counter()
    code, problem = EXIT_OK, ""
    try:
        seed = random.SystemRandom().randrange(SEEDS) if options.seed is None else options.seed
        sold, replayed, part_s = await _demo(options, seed, console)
        timing = Timing(time.perf_counter() - started_at, part_s, sold)
        report = build_report(_setting(options, seed), replayed, timing)
        _print_report(report, options.json)
        code = EXIT_OK if report["ok"] else EXIT_FAILED
    except* DemoInputError as group:
        code, problem = EXIT_USAGE, _message(group)
    except* DemoStuckError as group:
        code, problem = EXIT_FAILED, _message(group)
    except* (ServerFailedError, HoldfastError) as group:
        code, problem = EXIT_UNREACHABLE, _message(group)
    if problem:
        console.print(f"[bold red]error:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    return code


async def _demo(
    options: DemoOptions, seed: int, console: Console
) -> tuple[EngineSale, Replay, Mapping[str, float]]:
    """The sale of the engine alone, the replay, and how long each part took."""
    _check(options)
    plan = _plan(options, seed)
    console.print(f"Seed {seed}: the same seed makes the same plan again", highlight=False)
    with stages(console) as progress:
        progress.begin("Start of the servers")
        progress.enter("Starting engine, sandbox and order service")
        home = programs_home()
        assert home is not None, "the demo comes with the servers"
        environment = program_environment(os.environ, home)
        async with running_servers(environment, seed) as servers:
            try:
                sold = await _sold_alone(options.engine_seconds, servers, progress)
                replayed = await _replayed(plan, servers, progress)
                progress.begin("")
                return sold, replayed, progress.part_s
            except* (HoldfastError, ServerFailedError, DemoStuckError) as group:
                kind = DemoStuckError if group.subgroup(DemoStuckError) else ServerFailedError
                raise kind(f"{_message(group)}\n{servers.log_tails()}") from group


async def _sold_alone(seconds: float, servers: DemoServers, progress: Stages) -> EngineSale:
    if not seconds:
        return NO_SALE
    progress.begin("Engine alone")
    progress.enter("Selling with the engine alone")
    async with Client(servers.engine_target, tenant=TENANT, timeout_ms=CALL_TIMEOUT_MS) as client:
        return await sell_alone(client, seconds)


async def _replayed(plan: Plan, servers: DemoServers, progress: Stages) -> Replay:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(CLIENTS):
            orders = OrderClient(
                servers.orders_target, timeout_ms=CALL_TIMEOUT_MS, attempts_max=CALL_ATTEMPTS_MAX
            )
            engine = Client(
                servers.engine_target, timeout_ms=CALL_TIMEOUT_MS, attempts_max=CALL_ATTEMPTS_MAX
            )
            clients.append(
                Clients(
                    await stack.enter_async_context(orders),
                    await stack.enter_async_context(engine),
                )
            )
        outside = await stack.enter_async_context(Outside(servers.sandbox_url))
        return await replay(plan, clients, outside, progress)


def _plan(options: DemoOptions, seed: int) -> Plan:
    """The plan of the replay. Raises DemoInputError."""
    # Separate streams, so that what buyers do does not depend on where the log came from.
    log = (
        read_order_log(options.orders)
        if options.orders
        else synthetic_log(random.Random(f"log {seed}"))
    )
    return Plan(
        log=log,
        stock=initial_stock_units(log.demand_units(), options.stock_ratio),
        buyers=plan_buyers(log, random.Random(f"buyers {seed}")),
        returns=plan_returns(log.returns, random.Random(f"returns {seed}")),
        concurrency=options.concurrency,
    )


def _setting(options: DemoOptions, seed: int) -> Figures:
    return {
        "source": str(options.orders) if options.orders else f"made from seed {seed}",
        "seed": seed,
        "stock_ratio": options.stock_ratio,
        "concurrency": options.concurrency,
    }


def _check(options: DemoOptions) -> None:
    if not 0 < options.stock_ratio <= STOCK_RATIO_MAX:
        raise DemoInputError(
            f"--stock-ratio must be above 0 and at most {STOCK_RATIO_MAX:g}; "
            f"got {options.stock_ratio}"
        )
    if not 1 <= options.concurrency <= CONCURRENCY_MAX:
        raise DemoInputError(
            f"--concurrency must be 1 to {CONCURRENCY_MAX:,}; got {options.concurrency}"
        )
    if not 0 <= options.engine_seconds <= ENGINE_SECONDS_MAX:
        raise DemoInputError(
            f"--engine-seconds must be 0 to {ENGINE_SECONDS_MAX:g}; got {options.engine_seconds}"
        )


def _print_report(report: Figures, as_json: bool) -> None:
    if as_json:
        json.dump(report, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        console = Console()
        console.width = min(console.width, REPORT_WIDTH_MAX)
        console.print(view(report))


def _message(error: BaseException) -> str:
    """The message of what went wrong first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
