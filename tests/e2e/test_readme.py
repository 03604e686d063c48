"""README's samples and commands run as they are written, beside `holdfast dev`."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_dev_orders import Dev, running
from tests.tidy.sources import ROOT
from tests.waiting import PATIENCE_S, until

README = (ROOT / "README.md").read_text("utf-8")
ENGINE, ORDERS = "127.0.0.1:7600", "127.0.0.1:7610"


def blocks(language: str) -> list[str]:
    """The samples in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with running(tmp_path_factory.mktemp("readme")) as started:
        yield started


def sample(dev: Dev, which: str, directory: Path) -> str:
    """Runs the sample that names a class; returns what it printed."""
    (source,) = (block for block in blocks("python") if f"holdfast.{which}(" in block)
    here = source.replace(ENGINE, dev.target).replace(ORDERS, dev.orders_target)
    assert here != source
    (directory / "sample.py").write_text(here, "utf-8")
    ran = subprocess.run(
        [sys.executable, "sample.py"],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def commands_with(words: str) -> list[list[str]]:
    """The commands of the block that has a text in it, as words."""
    (block,) = (block for block in blocks("sh") if words in block)
    joined = block.replace("\\\n", " ")
    lines = [line.split(" #")[0] for line in joined.splitlines()]
    return [shlex.split(part) for line in lines for part in line.split("&&") if part.strip()]


class Walk:
    """The walk through an order that README shows, with the ids that it has here."""

    def __init__(self, dev: Dev) -> None:
        self.dev = dev
        self.order_id = ""

    def waits_for(self, words: list[str]) -> None:
        """Waits as a person does, until what the next command is about has come about."""
        state = {"picks": "IN_FULFILMENT", "complete": "DELIVERED"}.get(words[1])
        if state:
            until(lambda: self._order()["state"] == state, state)
        if words[1] == "ship":
            until(lambda: self._order()["shipments"][0]["state"] == "LABELLED", "a waybill")

    def does(self, words: list[str]) -> None:
        """Runs a command of README's."""
        self.waits_for(words)
        names = {"ORDER": self.order_id, "PARCEL": f"{self.order_id}-s1"}
        line = [names.get(word, word) for word in words]
        if words[0] == "sandbox":
            line += ["--data-dir", str(self.dev.directory / "data")]
        ran = self.dev.holdfast("", *line)
        assert ran.exit_status == 0, (line, ran.out, ran.err)
        if words[1] == "place":
            self.order_id = re.findall(r"[0-9]{19}", ran.out)[0]

    def _order(self) -> Any:
        return self.dev.document(f"orders get {self.order_id}")["order"]


@pytest.mark.long
def test_samples_and_commands_run_as_written_and_the_books_are_proven(
    dev: Dev, tmp_path: Path
) -> None:
    sample(dev, "Client", tmp_path)
    walk = Walk(dev)
    commands = commands_with("holdfast orders place")
    assert {program for program, *_ in commands} == {"holdfast"}
    for _, *words in commands:
        walk.does(words)
    order_id = re.findall(r"[0-9]{19}", sample(dev, "OrderClient", tmp_path))[0]
    assert dev.document(f"orders get {order_id}")["order"]["state"] == "AWAITING_PAYMENT"
    for audit in ("audit", "orders audit"):
        proven = dev.holdfast(audit)
        assert proven.exit_status == 0, proven.out
