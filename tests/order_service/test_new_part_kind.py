"""A new kind of part is added in one place: `PART_KINDS`; its table is all it needs beside that.

The kind is made up: a widget, which is HELD and then SOLD.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from functools import partial
from typing import Final

import pytest
from msgspec import Struct
from sqlalchemy import Connection, PrimaryKeyConstraint, delete, select, text

from order_service.audit.case import judge
from order_service.audit.history import RULES as HISTORY_RULES
from order_service.audit.sources import read_cases
from order_service.order.draft import Draft
from order_service.order.machines import IllegalMove, Machine
from order_service.order.model import Order
from order_service.order.parts import PART_KINDS, RESERVATION_LETTER, PartKind, machines
from order_service.storage.columns import METADATA, ids, part_number, table, whole, words
from order_service.storage.database import Database
from order_service.storage.migrate import write_moves
from order_service.storage.orders import Orders
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import history, moves
from tests.order_service.clock import Clock
from tests.order_service.samples import A, order
from tests.order_service.unguarded import unguarded


class WidgetState(StrEnum):
    """The two states of a widget."""

    HELD = "HELD"
    SOLD = "SOLD"


class WidgetEvent(StrEnum):
    """The one event of a widget."""

    SELL = "SELL"


class Widget(Struct):
    """The made-up part."""

    widget_id: str
    order_id: str
    state: WidgetState
    colours: tuple[str, ...]
    created_at_ms: int
    updated_at_ms: int
    sold_at_ms: int = 0


WIDGET: Final = Machine(
    "widget",
    WidgetState.HELD,
    {WidgetState.HELD: {WidgetEvent.SELL: WidgetState.SOLD}, WidgetState.SOLD: {}},
)
KIND: Final = PartKind(Widget, WIDGET, "w", "widgets")


@pytest.fixture
async def widgets(
    monkeypatch: pytest.MonkeyPatch, orders: Orders, database: Database
) -> AsyncIterator[Orders]:
    """Orders that can have widgets: the kind is registered, and its table made."""
    monkeypatch.setitem(PART_KINDS, Widget, KIND)  # type: ignore[misc]
    made = table(
        "widgets",
        *ids("order_id"),
        part_number("widget"),
        *words("state"),
        *words("colours"),
        *whole("created_at_ms"),
        *whole("updated_at_ms"),
        *whole("sold_at_ms", nullable=True),
        PrimaryKeyConstraint("order_id", "widget_no"),
    )

    def migrated(connection: Connection) -> None:
        made.create(connection)
        write_moves(connection)

    def as_before(connection: Connection) -> None:
        made.drop(unguarded(connection))
        of_widgets = select(moves.c.move).where(moves.c.machine == "widget")
        connection.execute(delete(history).where(history.c.move.in_(of_widgets)))
        connection.execute(delete(moves).where(moves.c.machine == "widget"))

    await database.write(migrated)
    yield orders
    await orders.drain()
    METADATA.remove(made)
    ROW_KINDS.pop(Widget, None)
    await database.write(as_before)


def add_a_widget(draft: Draft) -> str:
    """A decision that adds a widget."""
    widget_id = draft.next_part_id(Widget)
    now_ms = draft.now_ms
    draft.add(
        Widget(widget_id, draft.order.order_id, WidgetState.HELD, ("red", "blue"), now_ms, now_ms)
    )
    return widget_id


def sell(widget_id: str, draft: Draft) -> None:
    """A decision that sells one."""
    widget = next(each for each in draft.order.parts_of(Widget) if each.widget_id == widget_id)
    draft.move(widget, WidgetEvent.SELL, "somebody wants it")
    draft.update(widget, sold_at_ms=draft.now_ms)


async def with_widgets(orders: Orders) -> Order:
    """An order with two widgets, of which one is sold, as the database has it."""
    await orders.place(order(A), lambda _: None, "buyer")
    for expected in (f"{A}-w1", f"{A}-w2"):
        assert await orders.change(A, add_a_widget, "test") == expected
    await orders.change(A, partial(sell, f"{A}-w2"), "test")
    return await orders.get(A)


async def audited(orders: Orders) -> dict[str, list[str]]:
    """The details of what the audit finds wrong with the order's history, by rule."""
    (case,) = await orders.read(lambda connection: read_cases(connection, [A], 0))
    found: dict[str, list[str]] = {}
    for problem in judge(case, HISTORY_RULES):
        found.setdefault(problem.rule.name, []).append(problem.detail)
    return found


async def spoil(database: Database, statement: str) -> None:
    """Somebody writes to the database by hand."""
    await database.write(lambda connection: unguarded(connection).execute(text(statement)))


async def test_it_is_stored_and_loaded_with_its_order(widgets: Orders, clock: Clock) -> None:
    found = await with_widgets(widgets)
    now_ms = clock()
    colours = ("red", "blue")
    assert list(found.parts_of(Widget)) == [
        Widget(f"{A}-w1", A, WidgetState.HELD, colours, now_ms, now_ms),
        Widget(f"{A}-w2", A, WidgetState.SOLD, colours, now_ms, now_ms, now_ms),
    ]


async def test_a_batch_that_is_judged_again_starts_from_its_own_copy(widgets: Orders) -> None:
    known = await with_widgets(widgets)
    await widgets.change(A, partial(sell, f"{A}-w1"), "test", known=known)
    assert known.parts_of(Widget)[0].state is WidgetState.HELD
    assert (await widgets.get(A)).parts_of(Widget)[0].state is WidgetState.SOLD


async def test_its_moves_are_in_the_history_and_sealed(widgets: Orders) -> None:
    await with_widgets(widgets)
    (case,) = await widgets.read(lambda connection: read_cases(connection, [A], 0))
    of_widgets = [entry for entry in case.history if entry.machine == "widget"]
    assert [(entry.part_id, entry.event, entry.to_state, entry.why) for entry in of_widgets] == [
        (f"{A}-w1", None, "HELD", ""),
        (f"{A}-w2", None, "HELD", ""),
        (f"{A}-w2", "SELL", "SOLD", "somebody wants it"),
    ]
    assert await audited(widgets) == {}


async def test_an_illegal_move_of_it_is_refused(widgets: Orders) -> None:
    await with_widgets(widgets)
    with pytest.raises(IllegalMove, match="widget in state SOLD cannot take SELL"):
        await widgets.change(A, partial(sell, f"{A}-w2"), "test")


@pytest.mark.parametrize(
    ("statement", "rule", "says"),
    [
        (
            "UPDATE widgets SET state = 'SOLD' WHERE widget_no = 1",
            "history_ends_at_the_state",
            f"{A}-w1 is SOLD, its history says HELD",
        ),
        (
            "DELETE FROM widgets WHERE widget_no = 2",
            "history_ends_at_the_state",
            f"widget {A}-w2 has a history, and is not there",
        ),
        (
            "UPDATE history SET part_no = 1 WHERE part_no = 2",
            "history_is_as_it_was_written",
            "version 3, entry 0 is not as it was written",
        ),
    ],
)
async def test_the_audit_finds_one_that_was_tampered_with(
    widgets: Orders, database: Database, statement: str, rule: str, says: str
) -> None:
    await with_widgets(widgets)
    await spoil(database, statement)
    assert any(detail.startswith(says) for detail in (await audited(widgets))[rule])


def test_no_two_kinds_share_a_letter_a_machine_or_a_table() -> None:
    letters = [kind.letter for kind in PART_KINDS.values()]
    assert len({*letters, RESERVATION_LETTER}) == len(letters) + 1
    assert all(len(letter) == 1 and "a" <= letter <= "z" for letter in letters)
    assert len({machine.name for machine in machines()}) == len(machines())
    assert len({kind.table for kind in PART_KINDS.values()}) == len(letters)


def test_the_letters_of_ids_that_shops_have_stored_never_change() -> None:
    known = {"payment": "p", "refund": "r", "shipment": "s", "incident": "i"}
    assert {kind.machine.name: kind.letter for kind in PART_KINDS.values()} | known == {
        kind.machine.name: kind.letter for kind in PART_KINDS.values()
    }
