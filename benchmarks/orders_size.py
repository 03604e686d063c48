"""Measures how long it takes to list a buyer's orders among a million.

`python -m benchmarks.orders_size` starts an engine and an order service on each database, fills the
latter with `--orders` copies of an order, 20 a buyer, and reads the 20 newest of buyers at random
over gRPC, one call after another. It prints the latencies, and how long the filling took. Exit code
1 if a page is not what it should be, or the 99th percentile is not under 10 ms.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.orders.loads import OrdersLoad, order_request
from benchmarks.orders.measuring import open_shop, stock_up
from benchmarks.orders.seeding import buyer_of, seed
from benchmarks.orders.service import OrderService, order_services
from benchmarks.stage import stage
from holdfast.order.v1 import order_pb2 as pb
from holdfast.orders import OrderClient
from serving.percentile import percentile

ORDERS = 1_000_000
ORDERS_PER_BUYER = 20
CALLS = 3_000
WARM_UP_CALLS = 200
SEED = 7
P99_MS_MAX = 10.0


async def listed(service: OrderService, orders: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Fills the database of an order service, and measures its lists."""
    buyers = max(1, orders // ORDERS_PER_BUYER)
    await open_shop(service)
    async with OrderClient(service.target, tenant=service.tenant) as client:
        load = OrdersLoad(orders=1, tenant=service.tenant, prefix="template")
        template = (await client.place(order_request(load, 0))).order
        started_s = time.monotonic()
        await seed(service.database.url, template.order_id, orders, buyers)
        tell(f"{service.name}: {orders:,} orders made in {time.monotonic() - started_s:.0f} s")
        return await _read(client, buyers)


async def _read(client: OrderClient, buyers: int) -> dict[str, Any]:
    chance = random.Random(SEED)
    latencies_s: list[float] = []
    wrong = 0
    for call in range(WARM_UP_CALLS + CALLS):
        buyer_id = buyer_of(chance.randrange(buyers), buyers)
        wanted = pb.ListOrdersRequest(buyer_id=buyer_id, page_size=ORDERS_PER_BUYER)
        started_s = time.perf_counter()
        page = await client.ask(wanted)
        if call >= WARM_UP_CALLS:
            latencies_s.append(time.perf_counter() - started_s)
        ids = [order.order_id for order in page.orders]
        wrong += len(ids) != ORDERS_PER_BUYER or ids != sorted(ids, reverse=True)
        wrong += any(order.buyer_id != buyer_id for order in page.orders)
    ascending_ms = sorted(latency_s * 1_000 for latency_s in latencies_s)
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    figures = {name: round(percentile(ascending_ms, share), 3) for name, share in shares.items()}
    return {**figures, "wrong_pages": wrong}


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.orders_size", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many there are")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-orders-size-") as name:
        directory = Path(name)
        with stage(directory) as running, order_services(directory, running) as services:
            for service in services:
                stock_up(running, service)
                found[service.name] = asyncio.run(listed(service, options.orders, _tell))
    if options.output == "json":
        print(json.dumps({"orders": options.orders} | found, indent=2))
    else:
        for name, figures in found.items():
            print(f"{name:10} {figures}")
    ok = all(it["p99_ms"] < P99_MS_MAX and not it["wrong_pages"] for it in found.values())
    return 0 if ok else 1


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
