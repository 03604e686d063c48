"""The picture of a run: throughput against latency, as an SVG that any background suits.

The same document gives the same bytes. `python -m benchmarks.picture` draws that of the latest.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.document import LATEST, Document, Result, read

PICTURE = LATEST.with_suffix(".svg")

# Middle tones: to be read on white as well as on black.
OURS, THEIRS, PLAIN = "#2f81f7", "#d9822b", "#808890"
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "holdfast",
    "font.family": "sans-serif",
    "font.size": 9,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), PLAIN
    ),
}

# What the right side shows: a label each, whose it is, and where from the dot it is, in points.
SHOWN = {
    "echo_64": ("empty gRPC echo", PLAIN, (7, -7)),
    "reserve_64": ("Reserve, one a call", OURS, (-7, -7)),
    "naive_64": ("naive EVALSHA", THEIRS, (7, 7)),
    "raw_1000": ("the script alone", PLAIN, (7, 0)),
    "apply_hot": ("Apply, hot SKU", OURS, (7, 7)),
    "apply_spread": ("Apply, 1,000 SKUs", OURS, (-7, 7)),
    "apply_orders": ("Apply, 5-line orders", OURS, (-7, -4)),
    "sdk_1000": ("SDK, 1,000 tasks", OURS, (7, 0)),
    "postgres_statement_pgbench": ("PostgreSQL, statement", THEIRS, (-7, 7)),
    "postgres_transaction_pgbench": ("PostgreSQL, transaction", THEIRS, (-7, -4)),
    "tigerbeetle_1000": ("TigerBeetle", THEIRS, (7, -7)),
}
# Room for the legend above the curves, and for labels beside the dots, as factors of an axis.
LEGEND_ROOM = 10
LABEL_ROOM = 10
CURVES = {"echo_at_": ("empty gRPC echo", PLAIN), "reserve_at_": ("Reserve", OURS)}


def drawn(document: Document) -> bytes:
    """The picture as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 4.0), layout="constrained")
        at_rates, everything = figure.subplots(1, 2, width_ratios=(2, 3))
        _draw_curves(at_rates, document.results)
        _draw_points(everything, document.results)
        for axes in (at_rates, everything):
            axes.set_facecolor("none")
            axes.grid(color=PLAIN, alpha=0.25, linewidth=0.5)
            axes.spines[["top", "right"]].set_visible(False)
        file = BytesIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def _draw_curves(axes: Axes, results: list[Result]) -> None:
    for prefix, (label, colour) in CURVES.items():
        points = sorted(
            (result.per_s, result.p50_ms, result.p99_ms)
            for result in results
            if result.name.startswith(prefix)
        )
        rates, p50s_ms, p99s_ms = zip(*points, strict=True) if points else ((), (), ())
        axes.plot(rates, p99s_ms, "o-", color=colour, markersize=4, label=f"{label}, p99")
        axes.plot(rates, p50s_ms, "o:", color=colour, markersize=3, label=f"{label}, p50")
    axes.set(title="Unary calls at a rate", xlabel="calls per second", ylabel="latency, ms")
    axes.set_xlim(left=0)
    _scale_latencies(axes)
    axes.set_ylim(top=axes.get_ylim()[1] * LEGEND_ROOM)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _draw_points(axes: Axes, results: list[Result]) -> None:
    for result in results:
        if result.name not in SHOWN:
            continue
        label, colour, offset = SHOWN[result.name]
        axes.plot(result.per_s, result.p99_ms, "o", color=colour, markersize=6)
        axes.annotate(
            label,
            (result.per_s, result.p99_ms),
            xytext=offset,
            textcoords="offset points",
            horizontalalignment="left" if offset[0] > 0 else "right",
            verticalalignment="center",
            color=colour,
        )
    axes.set(
        title="As much as each can do: right and low is good",
        xlabel="commands per second",
        ylabel="p99 of a call, ms",
    )
    axes.set_xscale("log")
    axes.margins(y=0.2)
    least, most = axes.get_xlim()
    axes.set_xlim(least / LABEL_ROOM, most * LABEL_ROOM)
    _scale_latencies(axes)
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _scale_latencies(axes: Axes) -> None:
    """A logarithmic scale with ticks at 1, 2, 5, 10 and so on, as plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw(document: Document, path: Path = PICTURE) -> None:
    """Writes the picture of a document to a file."""
    path.write_bytes(drawn(document))


if __name__ == "__main__":
    draw(read(LATEST))
