"""The ids in the examples of `--help` have the form of those that the order service makes."""

import inspect
import random
import re
from collections.abc import Iterator

import pytest

from holdfast.cli.app import app
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Incident, Payment, Refund, Shipment
from tests.order_service import samples

NOW_MS = 1_795_000_000_000


def real_ids() -> dict[str, str]:
    """An id of each kind, by the name that parameters give it."""
    ids = Ids(random.Random(1))
    draft = Draft(samples.order(ids.next(NOW_MS)), "test", NOW_MS, ids)
    return {
        "order_id": draft.order.order_id,
        "task_id": ids.next(NOW_MS),
        "task_ids": ids.next(NOW_MS),
        "payment_id": draft.next_part_id(Payment),
        "refund_id": draft.next_part_id(Refund),
        "shipment_id": draft.next_part_id(Shipment),
        "incident_id": draft.next_part_id(Incident),
    }


def examples() -> Iterator[tuple[str, str, str]]:
    """Each example of a command that takes an id first: its line, the parameter, the id."""
    waiting = [("orders", app["orders"])]
    for path, command in waiting:
        waiting += [(f"{path} {name}", command[name]) for name in command if name[0] != "-"]
        if not command.default_command:
            continue
        first = next(iter(inspect.signature(command.default_command).parameters))
        for line in command.help.splitlines():
            found = re.search(rf"holdfast {path} ([^ -][^ ]*)", line)
            if found and first in real_ids():
                yield line.strip(), first, found[1]


def form(text: str) -> str:
    """An id with all digits alike; the number of a part may have any of them."""
    return re.sub(r"-([a-z])[0-9]+$", r"-\1#", re.sub("[0-9]", "0", text))


@pytest.mark.parametrize(("line", "parameter", "shown"), list(examples()))
def test_an_example_id_has_the_form_of_a_real_one(line: str, parameter: str, shown: str) -> None:
    assert form(shown) == form(real_ids()[parameter]), line


def test_there_are_examples_of_each_kind_of_id() -> None:
    assert {parameter for _, parameter, _ in examples()} == set(real_ids())
