"""A draft: one change to one order, made by a pure decision and then written as a whole.

A decision is a function of a `Draft`. It reads `draft.order`, and changes it only through the
draft, which keeps what has to be written: moves with their history, rows, tasks. A decision that
raises changes nothing, because what it changed is thrown away with its draft.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from enum import StrEnum
from typing import Any, TypeVar

from msgspec import Struct, structs

from order_service.order.ids import Ids
from order_service.order.joint_rules import broken_rule
from order_service.order.journals import Journal
from order_service.order.machines import ORDER, Machine
from order_service.order.model import HistoryEntry, Line, Order, Task
from order_service.order.parts import PART_KINDS, Stateful
from order_service.order.seals import sealed
from order_service.order.tasks import Payload, TaskKind

Part = TypeVar("Part")


class RuleBroken(Exception):
    """A decision would have broken a joint rule of the state machines: it is wrong."""


CLOCKS_APART_MS_MAX = 5_000
"""No further apart are the clocks of two processes that go by one database's."""


class Draft:
    """A change in the making. `order` is nobody else's: it is thrown away with the draft.

    `actor` is who makes the change, for its history; `now_ms` is when. The changes of an order are
    in the order of their times, also where the process that made the last one is a little ahead.
    """

    def __init__(self, order: Order, actor: str, now_ms: int, ids: Ids) -> None:
        self.order = order
        self.actor = actor
        ahead_ms = order.updated_at_ms - now_ms
        self.now_ms = now_ms + ahead_ms if 0 < ahead_ms <= CLOCKS_APART_MS_MAX else now_ms
        self.history: list[HistoryEntry] = []
        self.added: list[object] = []
        """New rows: parts, remarks and what else decisions record."""
        self.changed: dict[int, Struct] = {}
        """Parts and lines whose rows have to be written again, by identity."""
        self.was: dict[int, Any] = {}
        """Parts as they were before they were changed, by identity."""
        self.journals: list[Journal] = []
        """Events that move money, for the ledger."""
        self.lines_gone: list[int] = []
        """Numbers of lines that the order no longer has."""
        self.tasks_made: list[Task] = []
        self.tasks_done: list[str] = []
        self.order_changed: set[str] = set()
        """Fields of the order itself that have got other values."""
        self._ids = ids

    def begin(self) -> None:
        """Writes down a new order, in the state in which orders begin."""
        assert self.order.state == ORDER.first
        self.added.extend(self.order.lines)
        self._write_down(self.order, None, None, self.order.state, "")

    def finish(self) -> None:
        """Ends the draft: a change of the order or of a part of it is a new version.

        Raises RuleBroken where order and parts do not fit together; then nothing is written.
        """
        rule = broken_rule(self.order.together)
        if rule:
            raise RuleBroken(f"order {self.order.order_id} is {self.order.state}, but {rule}")
        if (self.order_changed or self.changed) and not self.history:
            self.note("")
        if self.history:
            self.order.version += 1
            self.order.updated_at_ms = self.now_ms

    def move(self, thing: Stateful, event: StrEnum, why: str = "") -> None:
        """Moves the order or a part of it by an event. Raises IllegalMove, and changes nothing."""
        machine = _machine_of(thing)
        before = thing.state
        after = machine.after(before, event)
        self._put(thing, state=after)
        self._write_down(thing, event, before, after, why)

    def update(self, thing: Struct, **values: Any) -> None:
        """Gives fields of the order, a part or a line other values; `state` only by `move`."""
        assert "state" not in values
        self._put(thing, **values)

    def note(self, why: str, thing: Stateful | None = None) -> None:
        """Writes down in the history what moved nothing."""
        self._write_down(thing or self.order, None, None, None, why)

    @contextmanager
    def dated(self, at_ms: int) -> Iterator[None]:
        """Dates what is changed meanwhile at a time that has passed: that of a deadline."""
        now_ms = self.now_ms
        self.now_ms = at_ms
        try:
            yield
        finally:
            self.now_ms = now_ms

    def add(self, part: Stateful, why: str = "") -> None:
        """Adds a part, which must be in the first state of its machine."""
        kind = PART_KINDS[type(part)]
        assert part.state == kind.machine.first
        if kind.rare and not self.order.after_sales:
            self.update(self.order, after_sales=True)
        self.order.add(part)
        self.added.append(part)
        self._write_down(part, None, None, part.state, why)

    def replace_lines(self, lines: Sequence[Line]) -> None:
        """Replaces the order's lines.

        Used after sourcing: a line may be split over warehouses (with new line numbers), reduced,
        or dropped; the numbers of dropped lines go to `lines_gone`.
        """
        kept = {line.line_no: line for line in self.order.lines}
        for line in lines:
            before = kept.pop(line.line_no, None)
            if before is None:
                self.added.append(line)
            elif before != line:
                self._put(line)
        self.lines_gone.extend(kept)
        self.order.lines = list(lines)

    def record(self, row: Struct) -> None:
        """Adds a row that belongs to the order and is never changed, such as a remark."""
        self.added.append(row)

    def replace(self, row: Struct, other: Struct) -> None:
        """Records another row in the place of one that this draft has recorded."""
        at = next(number for number, added in enumerate(self.added) if added is row)
        self.added[at] = other

    def send(self, payload: Payload, due_at_ms: int = 0) -> None:
        """Has something done for the order, once this change is written, at least once."""
        self._make(
            Task(
                task_id="",
                order_id=self.order.order_id,
                lane=payload.lane,
                kind=payload.kind,
                payload=payload.text,
                due_at_ms=due_at_ms or self.now_ms,
                created_at_ms=self.now_ms,
            )
        )

    def again(
        self, task: Task, due_at_ms: int, why: str, *, payload: Payload | None = None, last: bool
    ) -> None:
        """Has a task done once more that could not be done this time, which counts as an attempt.

        After its `last` attempt it is given up: in the dead-letter list, for a person.
        """
        self.done(task)
        self._make(
            structs.replace(
                task,
                payload=payload.text if payload else task.payload,
                due_at_ms=due_at_ms,
                attempts=task.attempts + 1,
                lease_until_ms=0,
                owner="",
                dead=last,
                last_error=why,
            )
        )

    def _make(self, task: Task) -> None:
        # Tasks are done in the order of their ids, so the new id is above those of all that wait,
        # also where the clock of the process that made them was ahead.
        last = max((other.task_id for other in self.order.tasks), default="")
        made = structs.replace(task, task_id=self._ids.next(self.now_ms, last))
        self.order.tasks.append(made)
        self.tasks_made.append(made)

    def remind(self, payload: Payload, due_at_ms: int) -> None:
        """Has something done when it is due; replaces an earlier reminder of the same kind."""
        self.forget(payload.kind)
        self.send(payload, due_at_ms)

    def forget(self, kind: TaskKind) -> None:
        """Takes back what was to be done."""
        for task in [task for task in self.order.tasks if task.kind == kind]:
            self.done(task)

    def done(self, task: Task) -> None:
        """Takes a task off the list, because it was done or has become pointless."""
        self.order.tasks = [kept for kept in self.order.tasks if kept.task_id != task.task_id]
        if any(made.task_id == task.task_id for made in self.tasks_made):
            self.tasks_made = [made for made in self.tasks_made if made.task_id != task.task_id]
        else:
            self.tasks_done.append(task.task_id)

    def was_of(self, part: Part) -> Part:
        """A part as it was before this change."""
        was: Part = self.was.get(id(part), part)
        return was

    def new_id(self) -> str:
        """An id that nothing else has."""
        return self._ids.next(self.now_ms)

    def next_part_id(self, struct: type[Struct]) -> str:
        """The id of the order's next part: `<order id>-p1`, `-r1`, `-s1`, `-i1`."""
        number = len(self.order.parts_of(struct)) + 1
        return f"{self.order.order_id}-{PART_KINDS[struct].letter}{number}"

    def _put(self, thing: Any, **values: Any) -> None:
        if type(thing) in PART_KINDS and id(thing) not in self.was:
            self.was[id(thing)] = copy(thing)
        for name, value in values.items():
            setattr(thing, name, value)
        if type(thing) in PART_KINDS:
            thing.updated_at_ms = self.now_ms
        if thing is self.order:
            self.order_changed.update(values)
        elif not any(row is thing for row in self.added):
            self.changed[id(thing)] = thing

    def _write_down(
        self,
        thing: Any,
        event: StrEnum | None,
        before: StrEnum | None,
        after: StrEnum | None,
        why: str,
    ) -> None:
        kind = PART_KINDS.get(type(thing))
        entry = HistoryEntry(
            order_id=self.order.order_id,
            version=self.order.version + 1,
            entry_no=len(self.history),
            machine=_machine_of(thing).name,
            part_id=kind.id_of(thing) if kind else "",
            event=event,
            from_state=before,
            to_state=after,
            actor=self.actor,
            why=why,
            at_ms=self.now_ms,
        )
        self.history.append(sealed(entry, self.order.seal))
        self.order.seal = self.history[-1].seal


Decide = Callable[[Draft], object]
"""A decision: changes the order through its draft. May return a value for whoever asked for it."""


def _machine_of(thing: object) -> Machine:
    return ORDER if isinstance(thing, Order) else PART_KINDS[type(thing)].machine
