"""The picture of a run: latency at several rates, as an SVG that any background suits.

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
OURS, PLAIN = "#2f81f7", "#808890"
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "holdfast",
    "font.family": "sans-serif",
    "font.size": 9,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), PLAIN
    ),
}

# Room for the legend above the curves, as a factor of the axis.
LEGEND_ROOM = 10
CURVES = {"echo_at_": ("empty gRPC echo", PLAIN), "reserve_at_": ("Reserve", OURS)}


def drawn(document: Document) -> bytes:
    """The picture as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        _draw_curves(axes, document.results)
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
