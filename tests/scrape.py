"""Reads a server's metrics as Prometheus does, and who of its processes has which connections."""

import os
import urllib.request
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Server
from tests.waiting import PATIENCE_S

ESTABLISHED = "01"


def scraped(server: Server) -> list[Metric]:
    """The metrics that a server's endpoint shows."""
    target = server.logged("metrics")[0]["target"]
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=PATIENCE_S) as answer:
        return list(text_string_to_metric_families(answer.read().decode()))


def value(server: Server, name: str, **labels: str) -> float:
    """The sum of a series over all labels but the given ones; 0 if there is none."""
    return sum(
        sample.value
        for metric in scraped(server)
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def connections(pid: int, port: int) -> int:
    """The number of connections to a port of this machine that a process has accepted."""
    mine = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            mine.add(os.readlink(descriptor))
        except FileNotFoundError:  # closed since
            continue
    rows = [
        row.split()
        for table in ("tcp", "tcp6")
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return sum(
        local.endswith(f":{port:04X}") and state == ESTABLISHED and f"socket:[{inode}]" in mine
        for _, local, _, state, _, _, _, _, _, inode, *_ in rows
    )
