"""After-sales cases: a buyer's request about units of an order, with its states and machine (售后).

A case is a part of its order: its machine is the table below, which an event leads through to the
same state from every row. Times are milliseconds since the Unix epoch, money is minor units.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from order_service.order.machines import Machine


class CaseKind(StrEnum):
    """The kinds of cases: how the buyer is to be helped."""

    REFUND_ONLY = "REFUND_ONLY"
    """Money, and the goods stay where they are (仅退款)."""
    RETURN_REFUND = "RETURN_REFUND"
    """The goods back, then the money for those that are accepted (退货退款)."""
    EXCHANGE = "EXCHANGE"
    """The goods back, and others for them (换货)."""
    REPAIR = "REPAIR"
    """The goods back, and out again once they are mended (维修)."""
    PRICE_DIFFERENCE = "PRICE_DIFFERENCE"
    """A part of the price back (退差价)."""
    RESEND = "RESEND"
    """Goods that were missing, or the right ones for wrong ones (补寄)."""


class CaseReason(StrEnum):
    """The buyer's reasons."""

    NO_REASON = "NO_REASON"
    """None has to be given within the window (无理由)."""
    QUALITY = "QUALITY"
    DAMAGED = "DAMAGED"
    NOT_AS_DESCRIBED = "NOT_AS_DESCRIBED"
    WRONG_ITEM = "WRONG_ITEM"
    MISSING_ITEM = "MISSING_ITEM"
    NOT_RECEIVED = "NOT_RECEIVED"
    """The promised day has passed, and nothing came."""
    CHANGED_MIND = "CHANGED_MIND"
    """Not wanted any more, before it was received."""
    PRICE_DROP = "PRICE_DROP"
    """The article costs less now."""


_R = CaseReason
FAULT: Final = frozenset(
    {
        _R.QUALITY,
        _R.DAMAGED,
        _R.NOT_AS_DESCRIBED,
        _R.WRONG_ITEM,
        _R.MISSING_ITEM,
        _R.NOT_RECEIVED,
    }
)
"""The reasons that are the seller's fault: freight comes back with the goods."""


class CaseRole(StrEnum):
    """The roles of those who act on a case."""

    BUYER = "BUYER"
    MERCHANT = "MERCHANT"
    SERVICE = "SERVICE"
    """The service desk of the platform (客服)."""
    WAREHOUSE = "WAREHOUSE"
    FINANCE = "FINANCE"


class CaseState(StrEnum):
    """Where a case is."""

    REQUESTED = "REQUESTED"
    """Asked for; triage decides in the same change where it goes."""
    WITH_BUYER = "WITH_BUYER"
    """The buyer has to answer."""
    WITH_MERCHANT = "WITH_MERCHANT"
    """The merchant has to decide."""
    WITH_SERVICE = "WITH_SERVICE"
    """The service desk has to decide."""
    STOPPING = "STOPPING"
    """Goods that are packed, or under way, are being stopped."""
    AWAITING_RETURN = "AWAITING_RETURN"
    """Granted: the buyer has to send the goods."""
    RETURNING = "RETURNING"
    """The goods are on their way to us."""
    INSPECTING = "INSPECTING"
    """The goods are here, and are looked at."""
    AWAITING_MONEY = "AWAITING_MONEY"
    """The buyer has to pay a difference or a repair."""
    REPLACING = "REPLACING"
    """Other goods, or the mended ones, go to the buyer."""
    REPAIRING = "REPAIRING"
    """The goods are being mended."""
    REFUNDING = "REFUNDING"
    """The money goes back."""
    REJECTED = "REJECTED"
    """Refused; the buyer may open a dispute for some days."""
    DISPUTED = "DISPUTED"
    """A dispute decides."""
    DONE = "DONE"
    """The buyer has what was granted. An end, unless the refund bounces."""
    CLOSED = "CLOSED"
    """Withdrawn, lapsed or refused. An end."""


class CaseEvent(StrEnum):
    """The events that move a case."""

    REFUND = "REFUND"
    STOP = "STOP"
    TAKE_BACK = "TAKE_BACK"
    REPLACE = "REPLACE"
    COLLECT = "COLLECT"
    ASK_BUYER = "ASK_BUYER"
    ASK_MERCHANT = "ASK_MERCHANT"
    ASK_SERVICE = "ASK_SERVICE"
    ANSWER = "ANSWER"
    DECLINE = "DECLINE"
    REJECT = "REJECT"
    WITHDRAW = "WITHDRAW"
    LAPSE = "LAPSE"
    STOPPED = "STOPPED"
    NOT_STOPPED = "NOT_STOPPED"
    TURNED = "TURNED"
    SENT = "SENT"
    ARRIVE = "ARRIVE"
    LOSE = "LOSE"
    REPAIR = "REPAIR"
    DELIVER = "DELIVER"
    STOCK_GONE = "STOCK_GONE"
    SETTLE = "SETTLE"
    DISPUTE = "DISPUTE"
    CLOSE = "CLOSE"
    REOPEN = "REOPEN"


_S, _E = CaseState, CaseEvent
LEADS_TO: Final[Mapping[CaseEvent, CaseState]] = {
    _E.REFUND: _S.REFUNDING,
    _E.STOP: _S.STOPPING,
    _E.TAKE_BACK: _S.AWAITING_RETURN,
    _E.REPLACE: _S.REPLACING,
    _E.COLLECT: _S.AWAITING_MONEY,
    _E.ASK_BUYER: _S.WITH_BUYER,
    _E.ASK_MERCHANT: _S.WITH_MERCHANT,
    _E.ASK_SERVICE: _S.WITH_SERVICE,
    _E.ANSWER: _S.WITH_MERCHANT,
    _E.DECLINE: _S.WITH_MERCHANT,
    _E.REJECT: _S.REJECTED,
    _E.WITHDRAW: _S.CLOSED,
    _E.LAPSE: _S.CLOSED,
    _E.STOPPED: _S.REFUNDING,
    _E.NOT_STOPPED: _S.WITH_BUYER,
    _E.TURNED: _S.RETURNING,
    _E.SENT: _S.RETURNING,
    _E.ARRIVE: _S.INSPECTING,
    _E.LOSE: _S.WITH_SERVICE,
    _E.REPAIR: _S.REPAIRING,
    _E.DELIVER: _S.DONE,
    _E.STOCK_GONE: _S.WITH_BUYER,
    _E.SETTLE: _S.DONE,
    _E.DISPUTE: _S.DISPUTED,
    _E.CLOSE: _S.CLOSED,
    _E.REOPEN: _S.REFUNDING,
}
"""The state that an event leads to, from whichever state knows it."""
APPROVING: Final = (_E.REFUND, _E.STOP, _E.TAKE_BACK, _E.REPLACE, _E.COLLECT)
"""The events that grant what is asked for."""
_KNOWN: Final[Mapping[CaseState, tuple[CaseEvent, ...]]] = {
    _S.REQUESTED: (*APPROVING, _E.ASK_BUYER, _E.ASK_MERCHANT, _E.ASK_SERVICE, _E.ARRIVE),
    _S.WITH_BUYER: (
        *APPROVING,
        *(_E.ANSWER, _E.DECLINE, _E.ASK_SERVICE, _E.ARRIVE, _E.WITHDRAW, _E.LAPSE),
    ),
    _S.WITH_MERCHANT: (*APPROVING, _E.ASK_BUYER, _E.ASK_SERVICE, _E.REJECT, _E.WITHDRAW),
    # A desk whose time is over leaves it to its lead: ASK_SERVICE once more.
    _S.WITH_SERVICE: (*APPROVING, _E.ASK_BUYER, _E.ASK_SERVICE, _E.REJECT, _E.WITHDRAW),
    _S.STOPPING: (_E.STOPPED, _E.TURNED, _E.NOT_STOPPED),
    # SETTLE: of goods that were replaced first, and never came.
    _S.AWAITING_RETURN: (_E.SENT, _E.ARRIVE, _E.WITHDRAW, _E.LAPSE, _E.SETTLE),
    _S.RETURNING: (_E.ARRIVE, _E.LOSE),
    _S.INSPECTING: (_E.REFUND, _E.REPLACE, _E.COLLECT, _E.REPAIR, _E.ASK_BUYER, _E.REJECT),
    _S.AWAITING_MONEY: (
        *(_E.TAKE_BACK, _E.REPLACE, _E.REPAIR, _E.REFUND),
        *(_E.WITHDRAW, _E.LAPSE),
    ),
    _S.REPLACING: (_E.DELIVER, _E.TAKE_BACK, _E.STOCK_GONE, _E.REFUND),
    _S.REPAIRING: (_E.REPLACE, _E.STOCK_GONE),
    _S.REFUNDING: (_E.SETTLE,),
    _S.REJECTED: (*APPROVING, _E.DISPUTE, _E.LAPSE),
    _S.DISPUTED: (_E.REFUND, _E.TAKE_BACK, _E.REPLACE, _E.CLOSE),
    _S.DONE: (_E.REOPEN,),
    _S.CLOSED: (),
}
CASE: Final = Machine(
    "case",
    _S.REQUESTED,
    {state: {event: LEADS_TO[event] for event in events} for state, events in _KNOWN.items()},
)
ENDED: Final = frozenset({_S.DONE, _S.CLOSED})
OPEN: Final = frozenset(_S) - ENDED
"""A case in one of these holds its order's completion."""
CLAIMS: Final = OPEN - {_S.REFUNDING}
"""The units of such a case may still end with money, and are in no other case."""


class CaseLine(Struct, frozen=True, array_like=True):
    """Units of an order line that a case is about, and the parcel that they are in."""

    line_no: int
    sku: str
    quantity: int
    shipment_id: str = ""
    """"" for units that have not left."""


class ProposalAnswer(StrEnum):
    """The answer to a proposal."""

    OPEN = "OPEN"
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    MOOT = "MOOT"
    """Another proposal or decision came before an answer."""


class Proposal(Struct, frozen=True, array_like=True):
    """An end of a case that the seller's side proposes to the buyer (协商)."""

    event: CaseEvent
    """The approving event that the buyer's yes is."""
    amount_minor: int
    """The money that goes back with REFUND, or is to be paid with COLLECT; 0 for the whole."""
    proposed_by: CaseRole
    at_ms: int
    answer: ProposalAnswer = ProposalAnswer.OPEN


class Case(Struct):
    """A request about units of an order, and what has become of it."""

    case_id: str
    case_key: str
    """The caller's: the same request sent twice is one case."""
    order_id: str
    state: CaseState
    kind: CaseKind
    reason: CaseReason
    lines: tuple[CaseLine, ...]
    """The units; those of one case are all before leaving, under way, or received."""
    opened_by: CaseRole
    fingerprint: int
    """Digest of the request, which tells a replay from a reused key."""
    rule: str
    """The rule of triage that decided first."""
    proposals: tuple[Proposal, ...]
    """The oldest first; the last one may still be open."""
    wanted_sku: str
    """The article that an exchange is for; "" for the same."""
    created_at_ms: int
    updated_at_ms: int
    entered_at_ms: int
    """When it got into its state; for WITH_SERVICE also when its lead got it."""
    deadline_at_ms: int = 0
    """When the state ends by itself; 0: never."""
    policy_version: int = 0
    """The version of the policy that judges it; 0 for the one that is built in."""
    wanted_minor: int = 0
    """The amount that is asked for; 0 for what the units cost."""
    granted_minor: int = 0
    """The amount that was agreed on; 0 for what the units cost."""
    price_minor: int = 0
    """The price of what an exchange sends, fixed when it was granted."""
    split_from: str = ""
    """The case that these units were in before; "" for none."""
    lapsed_from: str = ""
    """The state whose deadline has brought it to where it is; "" where something else has."""
    asked_by_service: bool = False
    """Whether it is the service desk that has asked the buyer."""
    with_lead: bool = False
    """Whether the desk's time was over, and its lead has it."""
    ships_first: bool = False
    """Whether the replacement goes before the old goods are back."""
    evidence: int = 0
    """The number of its evidence files."""

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen."""
        return self.state in OPEN

    @property
    def open_proposal(self) -> Proposal | None:
        """The proposal that the buyer has not answered."""
        last = self.proposals[-1] if self.proposals else None
        return last if last and last.answer is ProposalAnswer.OPEN else None


class CaseText(Struct, frozen=True):
    """Words that somebody wrote in a case. Personal: not in logs, metrics, errors or tasks."""

    order_id: str
    case_id: str
    text_id: str
    author: CaseRole
    text: str
    at_ms: int


class CaseEvidence(Struct, frozen=True):
    """A file that shows something, by the digest of its content. Personal, like `CaseText`."""

    order_id: str
    case_id: str
    sha256: str
    author: CaseRole
    at_ms: int
