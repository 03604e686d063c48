"""What the script answers, as values: one answer a command, in order."""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.columns import StoreCommand
from engine.model import (
    MOVEMENTS_MAX,
    ON_HAND_MAX,
    TTL_MS_MAX,
    AdjustStock,
    Expire,
    Extend,
    Outcome,
    Purge,
    Result,
    SetStock,
    Shortage,
    State,
    StockOutcome,
    StockResult,
    SweepResult,
)
from engine.records import level_of, split_field, stock_field
from engine.validation import Complaint

Answer = Result | StockResult | SweepResult
_UINT32_MAX = 4_294_967_295


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The script's answer to a batch: three columns, and extras of a few commands by position.

    `sequence` is the partition's number of changes so far, `epoch` names its life since it was
    empty; "" while it is.
    """

    now_ms: int
    sequence: int
    epoch: str
    outcomes: list[int]
    states: list[int]
    expirations: list[int]
    extras: Any


unpack_reply = msgspec.msgpack.Decoder(Reply).decode

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_STATES = {state.value: state for state in State}


def answers(commands: Sequence[StoreCommand], reply: Reply) -> list[Answer]:
    """The answers to the commands of a batch."""
    extras: dict[int, Any] = {extra[0] - 1: extra[1:] for extra in reply.extras}
    found: list[Answer] = []
    for position, (outcome, state, expires_at_ms) in enumerate(
        zip(reply.outcomes, reply.states, reply.expirations, strict=True)
    ):
        command = commands[position]
        if isinstance(command, SetStock | AdjustStock):
            found.append(_stock_result(command, outcome, extras[position][0]))
        elif isinstance(command, Expire | Purge):
            found.append(SweepResult(*extras[position]))
        else:
            result = Result(_OUTCOMES[abs(outcome)], outcome < 0, _STATES[state], expires_at_ms)
            if result.outcome is Outcome.OUT_OF_STOCK:
                result.shortages = _shortages(extras[position][0])
            elif result.outcome is Outcome.INVALID:
                result.detail = _why_invalid(command, reply.now_ms)
            found.append(result)
    return found


def _shortages(short_lines: list[list[Any]]) -> tuple[Shortage, ...]:
    found = (
        Shortage(*split_field(field), min(requested, _UINT32_MAX), min(available, _UINT32_MAX))
        for field, requested, available in short_lines
    )
    return tuple(sorted(found, key=lambda short: (short.sku, short.location)))


def _stock_result(command: SetStock | AdjustStock, outcome: int, counts: Any) -> StockResult:
    field = stock_field(command.sku, command.location)
    result = StockResult(
        StockOutcome(abs(outcome)), level_of(field, counts) if counts else None, outcome < 0
    )
    if result.outcome is StockOutcome.INVALID:
        result.detail = Complaint("delta", f"on_hand would pass {ON_HAND_MAX:,}", command.delta)  # type: ignore[union-attr]
    return result


def _why_invalid(command: StoreCommand, now_ms: int) -> str:
    """Why the script found a command invalid; only what depends on the store is left to it."""
    if isinstance(command, Extend):
        return Complaint(
            "expires_at_ms",
            f"must be after now ({now_ms}) and at most {TTL_MS_MAX:,} ms from now",
            command.expires_at_ms,
        )
    return Complaint(
        "reservation_id",
        f"the reservation has {MOVEMENTS_MAX:,} shipments, cancellations and returns, its most",
        command.reservation_id,  # type: ignore[union-attr]
    )
