"""Turns the script's reply into values: one answer for each command, in order."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.model import (
    MOVEMENTS_MAX,
    ON_HAND_MAX,
    TTL_MS_MAX,
    AdjustStock,
    Bucket,
    Exchange,
    Expire,
    Extend,
    MoveStock,
    Outcome,
    Purge,
    Result,
    SetStock,
    Shortage,
    State,
    StockLevel,
    StockOutcome,
    StockResult,
    StoreCommand,
    SweepResult,
)
from engine.records import level_of, split_field, stock_field
from engine.validation import Complaint

Answer = Result | StockResult | SweepResult


class NotJudged(Enum):
    """Stands for an answer that is not known yet: the command is to be sent again."""

    NOT_JUDGED = 0
    """After more due reservations have expired."""
    CUT = 1
    """At once: this call has done as much work as one may."""


NOT_JUDGED = NotJudged.NOT_JUDGED
CUT = NotJudged.CUT
_UINT32_MAX = 4_294_967_295
_STOCK_SETTINGS = frozenset((SetStock, AdjustStock))
_SWEEPS = frozenset((Expire, Purge))
REFUSALS_KEPT = 1_000


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The script's answer to a batch: three columns, and extras of a few commands by position.

    `sequence` is the partition's number of changes so far, `epoch` names its life since it was
    empty; "" while it is. `clock_ms` is what the store's clock showed;
    `searching` whether what is not judged may be sent again at once, for the search to go on.
    """

    now_ms: int
    sequence: int
    epoch: str
    outcomes: list[int]
    states: list[int]
    expirations: list[int]
    extras: Any
    clock_ms: int = 0
    searching: bool = False


unpack_reply = msgspec.msgpack.Decoder(Reply).decode


class _Plain(dict[tuple[int, int, int], Answer | NotJudged]):
    """Results by outcome, state and expires_at_ms: a batch has few different ones."""

    def __missing__(self, column: tuple[int, int, int]) -> Answer | NotJudged:
        outcome, state, expires_at_ms = column
        if outcome == NOT_JUDGED.value:
            return NOT_JUDGED
        result = Result(Outcome(abs(outcome)), outcome < 0, State(state), expires_at_ms)
        self[column] = result
        return result


def answers(commands: Sequence[StoreCommand], reply: Reply) -> list[Answer | NotJudged]:
    """The answers to the commands of a batch, CUT where it was. Equal ones may be one object."""
    if not 0 < len(reply.outcomes) <= len(commands):
        raise ValueError(f"{len(reply.outcomes)} answers to {len(commands)} commands")
    plain = _Plain()
    if reply.searching:
        plain[NOT_JUDGED.value, 0, 0] = CUT
    columns = zip(reply.outcomes, reply.states, reply.expirations, strict=True)
    found: list[Answer | NotJudged] = [plain[column] for column in columns]
    found += [CUT] * (len(commands) - len(found))
    for index, *content in reply.extras:
        i = index - 1
        found[i] = _with_extra(commands[i], reply.outcomes[i], found[i], content)
    if Outcome.INVALID in reply.outcomes:
        for i, result in enumerate(found):
            if isinstance(result, Result) and result.outcome is Outcome.INVALID:
                found[i] = replace(result, detail=_why_invalid(commands[i], reply.now_ms))
    return found


def _with_extra(command: StoreCommand, outcome: int, plain: Any, content: Sequence[Any]) -> Answer:
    """The answer to a command that says more than the three columns can."""
    kind = type(command)
    if kind in _STOCK_SETTINGS:
        return _stock_result(command, outcome, content[0])  # type: ignore[arg-type]
    if kind is MoveStock:
        return _move_result(command, outcome, *content)  # type: ignore[arg-type]
    if kind in _SWEEPS:
        return SweepResult(*content)
    return _short(plain.state, plain.expires_at_ms, tuple(map(tuple, content[0])))


@lru_cache(maxsize=REFUSALS_KEPT)
def _short(
    state: State, expires_at_ms: int, short_lines: tuple[tuple[str, int, int], ...]
) -> Result:
    """A refusal for lack of units. In a sell-out many are equal, and are made once."""
    found = (
        Shortage(*split_field(field), min(requested, _UINT32_MAX), min(available, _UINT32_MAX))
        for field, requested, available in short_lines
    )
    shortages = tuple(sorted(found, key=lambda short: (short.sku, short.location)))
    return Result(Outcome.OUT_OF_STOCK, False, state, expires_at_ms, shortages)


def _stock_result(command: SetStock | AdjustStock, outcome: int, counts: Any) -> StockResult:
    level = _level(command.sku, command.location, counts)
    result = StockResult(StockOutcome(abs(outcome)), level, outcome < 0)
    if result.outcome is StockOutcome.INVALID:
        result.detail = Complaint("delta", f"on_hand would pass {ON_HAND_MAX:,}", command.delta)  # type: ignore[union-attr]
    return result


def _move_result(command: MoveStock, outcome: int, from_counts: Any, to_counts: Any) -> StockResult:
    result = StockResult(
        StockOutcome(abs(outcome)),
        _level(command.sku, command.from_location, from_counts),
        outcome < 0,
        to_level=_level(command.sku, command.to_location, to_counts),
    )
    if result.outcome is StockOutcome.INVALID:
        bucket = Bucket(command.to_bucket).name
        result.detail = Complaint(
            "units", f"{bucket} units would pass {ON_HAND_MAX:,}", command.units
        )
    return result


def _level(sku: str, location: str, counts: Any) -> StockLevel | None:
    return level_of(stock_field(sku, location), counts) if counts else None


def _why_invalid(command: StoreCommand, now_ms: int) -> str:
    """Why the script found a command invalid: by a bound that depends on the store."""
    if isinstance(command, Extend):
        return Complaint(
            "expires_at_ms",
            f"must be after now ({now_ms}) and at most {TTL_MS_MAX:,} ms from now",
            command.expires_at_ms,
        )
    if isinstance(command, Exchange):
        return Complaint(
            "in_exchange_for.reservation_id",
            f"{MOVEMENTS_MAX:,} exchanges of the reservation wait for their units, its most",
            command.in_exchange_for.reservation_id,
        )
    return Complaint(
        "reservation_id",
        f"the reservation has {MOVEMENTS_MAX:,} shipments, cancellations and returns, its most",
        command.reservation_id,  # type: ignore[union-attr]
    )
