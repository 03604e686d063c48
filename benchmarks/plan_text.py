"""What `capacity.py --plan` prints: the fitted costs, what a peak needs, how throughput grows."""

from benchmarks.document import Document
from benchmarks.plan import (
    WAYS,
    Model,
    Store,
    Worker,
    bound_per_s,
    fitted,
    most_on,
    need,
)
from benchmarks.tables import Row, aligned

CORES = (2, 4, 8, 16, 32, 64)
UNBOUNDED = max(CORES)
CHECKED = ("reserve_64", "refused_64", "apply_hot", "apply_spread", "apply_pairs")

COST_COLUMNS = ("", "a sale", "a refusal")
NEED_COLUMNS = ("", "workers", "shards", "commands a batch", "what limits")
CHECKED_COLUMNS = ("", "at most/s", "measured/s", "reached")

CAVEATS = """\
This is a model. Measured are the costs above, with one worker and one store on the machine named.
Followed from them are the needs and the growth: a second worker on a machine whose cores are all
busy cannot show that workers scale, and a tenant has one partition for now, so that its hot SKUs
and all its others share one shard; more than one shard serves more than one tenant. Not in it:
what a load balancer, a network or a shared disk takes, and calls that come in bursts."""


def plan_text(document: Document, peak_per_s: float, accepted: float, utilisation: float) -> str:
    """The plan for a peak. Raises NotFitted."""
    model = fitted(document)
    machine = document.machine
    fitted_to = f"{machine['cpus']} cores of {machine['cpu']}, fsync {machine['fsync_ms']:g} ms"
    busy = f"workers and stores busy for {utilisation:.0%} of the time"
    parts = (
        f"Fitted to {document.date}, commit {document.commit}: {fitted_to}.",
        "Microseconds a command",
        aligned(COST_COLUMNS, fitted_rows(model)),
        f"and {model.hot.batch_us:.0f} us of the store a batch, its fsync included.",
        f"A peak of {peak_per_s:,.0f} commands/s, {accepted:.0%} accepted, many SKUs, {busy}",
        aligned(NEED_COLUMNS, need_rows(model, peak_per_s, accepted, utilisation)),
        f"Growth: the most per second, all accepted, load from elsewhere, {busy}",
        aligned(growth_columns(), growth_rows(model, utilisation)),
        "What the costs allow on the machine that was measured, which the load shares",
        aligned(CHECKED_COLUMNS, checked_rows(document)),
        CAVEATS,
    )
    return "\n\n".join(parts)


def fitted_rows(model: Model) -> list[Row]:
    """The costs of a worker and of the store."""
    costs: dict[str, Worker | Store] = {f"worker, {way}": w for way, w in model.workers.items()}
    costs |= {"store, hot SKU": model.hot, "store, 1,000 SKUs": model.spread}
    return [(what, f"{cost.sale_us:.1f}", f"{cost.refusal_us:.1f}") for what, cost in costs.items()]


def need_rows(model: Model, peak_per_s: float, accepted: float, utilisation: float) -> list[Row]:
    """What the peak needs, a row for each way that calls come."""
    most = model.spread.most_per_s(accepted) * utilisation
    limit = "worker CPU" if peak_per_s <= most else f"a tenant's one shard, {most:,.0f}/s"
    found: list[Row] = []
    for way in WAYS:
        needed = need(model, way, peak_per_s, accepted, utilisation)
        counts = (f"{needed.workers:,}", f"{needed.shards:,}", f"{needed.batch:,.0f}")
        found.append((way, *counts, limit))
    return found


def growth_columns() -> list[str]:
    """How calls come, for one tenant, whose SKUs share a shard, and for as many as there are."""
    return ["cores"] + [f"{way}, {whose}" for way in WAYS for whose in ("one tenant", "many")]


def growth_rows(model: Model, utilisation: float) -> list[Row]:
    """The most that so many cores do."""
    of_shard = model.spread.most_per_s(1.0) * utilisation
    of_workers = [worker.most_per_s(1.0) * utilisation for worker in model.workers.values()]
    return [
        (
            str(cores),
            *(
                f"{most_on(cores, of_worker, of_shard, shards_max):,.0f}"
                for of_worker in of_workers
                for shards_max in (1, UNBOUNDED)
            ),
        )
        for cores in CORES
    ]


def checked_rows(document: Document) -> list[Row]:
    """What was measured beside the bound that its costs set."""
    rows: list[Row] = []
    for result in document.results:
        if result.name in CHECKED and result.server_cpu_us:
            bound = bound_per_s(result, document.machine["cpus"])
            figures = (f"{bound:,.0f}", f"{result.per_s:,.0f}", f"{result.per_s / bound:.0%}")
            rows.append((result.title, *figures))
    return rows
