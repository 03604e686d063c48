"""The benchmarks of the engine: one entry each, with the load that it sends, in their parts.

Sizes are such that a run lasts about a second on two cores. Benchmarks of Holdfast that have little
to do with one another have tenants of their own, so that each audit is short; those of different
parts always do, so that a part can be measured without the others.
"""

from typing import Any, NamedTuple

from benchmarks.loads import Load, RawBatches, Sales, SdkLoad, tenant_names
from benchmarks.sample import APPLIED, OUT_OF_STOCK
from benchmarks.stage import SECOND

SKUS = 1_000
APPLY_OPEN_CALLS = 4
ORDERS_PER_CALL = 800  # of 5 lines each: an Apply may have 4,000 lines
TENANTS = 4
HALF = 0.5
# Shares of what Reserve can do in a closed loop at which latency is measured for the picture.
CURVE_SHARES = (0.25, 0.75, 0.9)
AT_RATE_S = 2.0


class Benchmark(NamedTuple):
    """A load against one `subject`: an engine, another gRPC server, `raw` or `postgres`.

    Every command must end with the outcome `expected`; sold out, there is no stock to begin with.
    `tenant` is whose stock of Holdfast the load takes, if it does.
    """

    name: str
    title: str
    subject: str
    load: Load | RawBatches | Sales | SdkLoad
    expected: str = APPLIED
    tenant: str = ""

    @property
    def skus(self) -> int:
        """The number of SKUs that the load sells."""
        return 1 if isinstance(self.load, Sales) else self.load.skus

    @property
    def tenants(self) -> list[str]:
        """All whose stock the load takes."""
        if not self.tenant:
            return []
        count = self.load.tenants if isinstance(self.load, Load | SdkLoad) else 1
        return tenant_names(self.tenant, count)


def scaled(benchmark: Benchmark, scale: float) -> Benchmark:
    """The benchmark with a load of `scale` times the size."""
    return benchmark._replace(load=benchmark.load.scaled(scale))


def _holdfast(
    name: str,
    title: str,
    tenant: str,
    load: Load | SdkLoad,
    expected: str = APPLIED,
    subject: str = "holdfast",
) -> Benchmark:
    return Benchmark(name, title, subject, load, expected, tenant)


def _raw(name: str, title: str, batches: int, commands: int) -> Benchmark:
    return Benchmark(
        name, title, "raw", RawBatches(batches=batches, commands=commands), tenant="raw"
    )


def _postgres(name: str, title: str, sales: int, with_pgbench: bool) -> Benchmark:
    load = Sales(sales=sales, way=name.split("_")[1], with_pgbench=with_pgbench)
    driver = "pgbench" if with_pgbench else "asyncpg"
    return Benchmark(name, f"PostgreSQL hot row, {title}, {driver}", "postgres", load)


def _unary(open_calls: int, calls: int) -> Load:
    return Load(calls=calls, open_calls=open_calls)


def _apply(calls: int, **about: Any) -> Load:
    about = {"commands": 1_000} | about
    return Load(method="Apply", calls=calls, open_calls=APPLY_OPEN_CALLS, **about)


def echo(open_calls: int) -> Benchmark:
    """The empty gRPC call in our servers' layout, which the cost of other calls is held against."""
    title = f"empty gRPC echo, {open_calls} calls open"
    return Benchmark(f"echo_{open_calls}", title, "echo", _unary(open_calls, 6_000))


# Those that are compared stand next to one another: little time passes between the two.
UNARY = (
    Benchmark("plain_64", "the echo as gRPC comes, 64 calls open", "plain", _unary(64, 6_000)),
    echo(64),
    _holdfast("reserve_64", "Reserve, hot SKU, 64 calls open", "unary", _unary(64, 5_000)),
    _holdfast(
        "refused_64",
        "Reserve, sold out, 64 calls open",
        "sold-out",
        _unary(64, 5_000),
        OUT_OF_STOCK,
    ),
    Benchmark("naive_64", "naive EVALSHA a request, 64 calls open", "naive", _unary(64, 3_000)),
    echo(256),
    _holdfast("reserve_256", "Reserve, hot SKU, 256 calls open", "unary", _unary(256, 5_000)),
)

BATCHES = (
    Benchmark(
        "naive_1",
        "the naive script alone",
        "raw",
        RawBatches(batches=2_000, commands=1, naive=True),
    ),
    _raw("raw_1", "the batch script alone, 1 a batch", 2_000, 1),
    _raw("raw_100", "the batch script alone, 100 a batch", 300, 100),
    _raw("raw_1000", "the batch script alone, 1,000 a batch", 60, 1_000),
    _holdfast("apply_hot", "Apply, 1,000 a call, hot SKU", "hot", _apply(80)),
    _postgres("postgres_statement", "one statement", 2_500, with_pgbench=False),
    _postgres("postgres_statement_pgbench", "one statement", 2_500, with_pgbench=True),
    _postgres("postgres_transaction", "transaction", 1_500, with_pgbench=False),
    _postgres("postgres_transaction_pgbench", "transaction", 1_500, with_pgbench=True),
    _holdfast("apply_spread", "Apply, 1,000 a call, 1,000 SKUs", "spread", _apply(60, skus=SKUS)),
    _holdfast(
        "apply_orders",
        "Apply, 800 orders of 5 lines a call",
        "orders",
        _apply(16, commands=ORDERS_PER_CALL, skus=SKUS, lines=5),
    ),
    _holdfast(
        "apply_pairs",
        "Apply, 500 Reserves and their Confirms a call",
        "pairs",
        _apply(60, confirmed=True),
    ),
    _holdfast(
        "apply_refused",
        "Apply, 1,000 a call, sold out",
        "sold-out-apply",
        _apply(100),
        OUT_OF_STOCK,
    ),
    _holdfast(
        "sdk_1000",
        "SDK, 1,000 concurrent reserve()",
        "sdk",
        SdkLoad(calls=20_000, open_calls=1_000),
    ),
)


def _by_workers(name: str, title: str, load: Load | SdkLoad) -> tuple[Benchmark, Benchmark]:
    """One load on one worker, and on an engine of its own with two."""
    one, two = f"{name}_1w", f"{name}_2w"
    return (
        _holdfast(one, f"{title}, 1 worker", one, load),
        _holdfast(two, f"{title}, 2 workers", two, load, subject=SECOND),
    )


WORKERS = (
    *_by_workers("reserve", "Reserve, 64 calls open", _unary(64, 5_000)),
    *_by_workers("apply", "Apply, 1,000 a call, 4 tenants", _apply(60, tenants=TENANTS)),
    *_by_workers(
        "sdk",
        "SDK, 1,000 concurrent, 4 tenants",
        SdkLoad(calls=20_000, open_calls=1_000, tenants=TENANTS),
    ),
)


def open_loop(capacity_per_s: float, share: float) -> tuple[Benchmark, Benchmark]:
    """The echo and Reserve at the same rate: a share of what Reserve can do in a closed loop."""
    per_s = share * capacity_per_s
    load = Load(calls=max(1, round(per_s * AT_RATE_S)), per_s=per_s)
    percent = round(share * 100)
    at = f"at {percent} % of Reserve's capacity"
    return (
        Benchmark(f"echo_at_{percent}", f"empty gRPC echo {at}", "echo", load),
        _holdfast(f"reserve_at_{percent}", f"Reserve, hot SKU, {at}", "rates", load),
    )
