"""The one table of outcomes: what each means for a person, and whether trying again can help.

The names and numbers are those of `holdfast.inventory.v1.Outcome`; a test asserts that the table
is total. "Can help" is about sending the same command again later, unchanged: after OUT_OF_STOCK a
unit may come back, after ID_REUSED nothing can change the answer.
"""

from enum import IntEnum
from typing import NamedTuple


class Outcome(IntEnum):
    """The decision about a command. `OUTCOMES` says more about each."""

    APPLIED = 1
    OUT_OF_STOCK = 2
    UNKNOWN_SKU = 3
    LIMIT_EXCEEDED = 4
    ID_REUSED = 5
    NOT_FOUND = 6
    ALREADY_CONFIRMED = 7
    ALREADY_RELEASED = 8
    ALREADY_EXPIRED = 9
    NOT_CONFIRMED = 10
    QUANTITY_EXCEEDED = 11
    ALREADY_CANCELLED = 12
    INVALID = 13
    NOT_JUDGED = 14


class OutcomeRow(NamedTuple):
    """The meaning of an outcome."""

    message: str
    """For a person, with what to do next."""
    retry_can_help: bool
    """Whether the same command, sent later, may be answered otherwise."""


OUTCOMES: dict[Outcome, OutcomeRow] = {
    Outcome.APPLIED: OutcomeRow("done", False),
    Outcome.OUT_OF_STOCK: OutcomeRow(
        "not enough available; nothing was held. Try again when units come back", True
    ),
    Outcome.UNKNOWN_SKU: OutcomeRow(
        "a line names a SKU and location without a stock level; create it with SetStock", True
    ),
    Outcome.LIMIT_EXCEEDED: OutcomeRow(
        "the buyer would pass the limit per buyer, or no buyer_id was given where there is one",
        True,
    ),
    Outcome.ID_REUSED: OutcomeRow(
        "the id was used before with other content; make a new id for a new request", False
    ),
    Outcome.NOT_FOUND: OutcomeRow("no reservation of this id", True),
    Outcome.ALREADY_CONFIRMED: OutcomeRow(
        "the reservation is sold; to give its units back use Cancel", False
    ),
    Outcome.ALREADY_RELEASED: OutcomeRow(
        "the reservation was released; reserve again under a new id", False
    ),
    Outcome.ALREADY_EXPIRED: OutcomeRow(
        "the reservation's deadline has passed; Confirm with reacquire_if_expired takes its stock "
        "again if it can be had",
        False,
    ),
    Outcome.NOT_CONFIRMED: OutcomeRow("the reservation is not sold yet; confirm it first", True),
    Outcome.QUANTITY_EXCEEDED: OutcomeRow(
        "more units than are left on the reservation; nothing was changed", True
    ),
    Outcome.ALREADY_CANCELLED: OutcomeRow(
        "the reservation was cancelled in full; nothing is left of it", False
    ),
    Outcome.INVALID: OutcomeRow("the command breaks a bound; see the named field", False),
    Outcome.NOT_JUDGED: OutcomeRow(
        "the command was not judged or its answer was lost, as the named reason says; send it "
        "again with the same id",
        True,
    ),
}
