"""Rules of an order's history: nothing is missing from it, and all of it was allowed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from order_service.audit.case import Case, Rule
from order_service.order.machines import ORDER, Machine
from order_service.order.model import HistoryEntry, Order
from order_service.order.parts import PART_KINDS, machines
from order_service.order.seals import sealed

_MEND: Final = (
    "a history is only ever added to: rows were changed or lost outside of the order service. "
    "Compare with a backup, and find out who writes to the database"
)

Part = tuple[str, str]
"""A machine and the id of a part, "" for the order itself."""


def _has_no_gap(case: Case) -> Iterator[str]:
    numbers = [(entry.version, entry.entry_no) for entry in case.history]
    if not numbers:
        yield f"version {case.order.version} has no history"
        return
    if numbers[0] != (1, 0):
        yield f"it begins with version {numbers[0][0]}, entry {numbers[0][1]}"
    for (version, entry_no), following in pairwise(numbers):
        if following not in ((version, entry_no + 1), (version + 1, 0)):
            yield (
                f"version {version}, entry {entry_no} is followed by version {following[0]}, "
                f"entry {following[1]}"
            )
    if numbers[-1][0] != case.order.version:
        yield f"it ends with version {numbers[-1][0]}, the order has {case.order.version}"


def _moves_are_legal(case: Case) -> Iterator[str]:
    known = {machine.name: machine for machine in machines()}
    for (name, part_id), entries in _by_part(case.history).items():
        machine = known.get(name)
        if machine is None:
            yield f"there is no machine {name}"
            continue
        state: str | None = None
        for entry in entries:
            problem = _why_illegal(machine, state, entry)
            if problem:
                yield f"version {entry.version}, {part_id or 'the order'}: {problem}"
            state = entry.to_state


def _why_illegal(machine: Machine, state: str | None, entry: HistoryEntry) -> str:
    """Why a move from `state` (None: there was none yet) is illegal; "" if it is legal."""
    if entry.from_state != state:
        return f"it goes from {entry.from_state}, and was {state}"
    if state is None:
        begins = entry.event is None and entry.to_state == machine.first
        return "" if begins else f"it begins as {entry.to_state} by {entry.event}"
    # Members of a StrEnum are found by the strings that they are.
    moves: Mapping[str, str] = dict(machine.moves).get(state, {})  # type: ignore[call-overload]
    if entry.event is None or moves.get(entry.event) != entry.to_state:
        return f"{entry.event} does not lead from {state} to {entry.to_state}"
    return ""


def _ends_at_the_state(case: Case) -> Iterator[str]:
    moved = _by_part(case.history)
    stored = _states_of(case.order)
    for (name, part_id), state in stored.items():
        entries = moved.get((name, part_id))
        if not entries:
            yield f"{part_id or 'the order'} is {state}, and has no history"
        elif entries[-1].to_state != state:
            yield f"{part_id or 'the order'} is {state}, its history says {entries[-1].to_state}"
    for name, part_id in moved.keys() - stored.keys():
        yield f"{name} {part_id} has a history, and is not there"


def _by_part(history: Sequence[HistoryEntry]) -> dict[Part, list[HistoryEntry]]:
    """The moves of each part, in their order; notes are none."""
    moved: dict[Part, list[HistoryEntry]] = defaultdict(list)
    for entry in history:
        if entry.to_state is not None:
            moved[entry.machine, entry.part_id].append(entry)
    return moved


def _states_of(order: Order) -> dict[Part, str]:
    """The stored state of an order and of each of its parts."""
    states: dict[Part, str] = {(ORDER.name, ""): order.state}
    for kind in PART_KINDS.values():
        for part in order.parts_of(kind.struct):
            states[kind.machine.name, kind.id_of(part)] = part.state
    return states


def _seals_follow(case: Case) -> Iterator[str]:
    seal = 0
    for entry in case.history:
        if sealed(entry, seal).seal != entry.seal:
            yield (
                f"version {entry.version}, entry {entry.entry_no} is not as it was written, or "
                "does not stand behind what it was written behind"
            )
        seal = entry.seal
    if seal != case.order.seal:
        yield f"its last entry has the seal {seal}, the order has {case.order.seal}"


RULES: Final = (
    Rule(
        "history_has_no_gap",
        "versions run from 1 to the order's, and each one's entries from 0",
        _MEND,
        _has_no_gap,
    ),
    Rule(
        "history_is_of_legal_moves",
        "each move of an order or a part begins where the one before it ended, and is in the "
        "tables of machines.py",
        _MEND,
        _moves_are_legal,
    ),
    Rule(
        "history_ends_at_the_state",
        "the last move of an order and of each part leads to the state that is stored",
        _MEND,
        _ends_at_the_state,
    ),
    Rule(
        "history_is_as_it_was_written",
        "each entry's seal follows from it and the seal before, and the order has the last one",
        _MEND,
        _seals_follow,
    ),
)
