"""The states of orders and of what belongs to them, and the events that move them.

Which event leads from where to where is in machines.py, and what must hold between the states of an
order and of its parts in joint_rules.py.

Sources: `domain.md` O2, O3, O6 to O11, O14, O15 and P2 to P5.
"""

from enum import StrEnum


class OrderState(StrEnum):
    """Where an order is."""

    RESERVING = "RESERVING"
    """Recorded; its stock is being reserved."""
    BACKORDERED = "BACKORDERED"
    """Waits in the queue for stock, as its buyer chose (缺货待发)."""
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    """Stock is reserved until the payment is due."""
    CONFIRMING = "CONFIRMING"
    """Paid, or to be paid on delivery; its stock is being confirmed."""
    CONFIRMED = "CONFIRMED"
    """Effective: its stock is sold to it. Waits for the review before shipping."""
    IN_FULFILMENT = "IN_FULFILMENT"
    """Reviewed; being picked and packed."""
    PARTLY_SHIPPED = "PARTLY_SHIPPED"
    """Some of its parcels have left."""
    SHIPPED = "SHIPPED"
    """All of its parcels have left."""
    DELIVERED = "DELIVERED"
    """All of its parcels were signed for."""
    COMPLETED = "COMPLETED"
    """Received, as the buyer said or some days have told. An end."""
    REJECTED = "REJECTED"
    """Stock could not be reserved. An end."""
    EXPIRED = "EXPIRED"
    """Not paid in time; money that comes all the same takes the stock again or goes back."""
    CANCELLED = "CANCELLED"
    """Cancelled by buyer, merchant or review; what was paid goes back. An end."""


class OrderEvent(StrEnum):
    """The events that move an order."""

    STOCK_RESERVED = "STOCK_RESERVED"
    STOCK_SHORT = "STOCK_SHORT"
    WAITS_FOR_STOCK = "WAITS_FOR_STOCK"
    PAYS_ON_DELIVERY = "PAYS_ON_DELIVERY"
    PAID = "PAID"
    STOCK_CONFIRMED = "STOCK_CONFIRMED"
    STOCK_LOST = "STOCK_LOST"
    PAYMENT_OVERDUE = "PAYMENT_OVERDUE"
    REVIEWED = "REVIEWED"
    SHIPPED_IN_PART = "SHIPPED_IN_PART"
    SHIPPED_IN_FULL = "SHIPPED_IN_FULL"
    DELIVERED_IN_FULL = "DELIVERED_IN_FULL"
    NOTHING_DELIVERED = "NOTHING_DELIVERED"
    RECEIVED = "RECEIVED"
    CANCEL = "CANCEL"


class PaymentState(StrEnum):
    """Where one attempt to pay is."""

    CREATED = "CREATED"
    """Recorded; the provider is being told."""
    PENDING = "PENDING"
    """The provider knows it, and waits for the buyer; on delivery, for the carrier."""
    CAPTURED = "CAPTURED"
    """The provider has the money, in the right amount."""
    DECLINED = "DECLINED"
    """The provider or the buyer's bank said no. Another attempt may be made."""
    ABANDONED = "ABANDONED"
    """Given up: the order was closed, another attempt took its place, or nothing is to be paid."""
    QUARANTINED = "QUARANTINED"
    """Paid in a wrong amount or currency: waits for a person."""
    RETURNED = "RETURNED"
    """All that was captured went back. An end; a refund of it that bounced is tried again."""


class PaymentEvent(StrEnum):
    """The events that move a payment."""

    ACCEPTED = "ACCEPTED"
    CAPTURE = "CAPTURE"
    DECLINE = "DECLINE"
    ABANDON = "ABANDON"
    MISMATCH = "MISMATCH"
    APPROVE = "APPROVE"
    RETURN_ALL = "RETURN_ALL"


class RefundState(StrEnum):
    """Where money is that goes back."""

    REQUESTED = "REQUESTED"
    """Recorded; the provider is being told until it answers."""
    DONE = "DONE"
    """The provider has sent it back; or a person has, in another way."""
    FAILED = "FAILED"
    """The provider refused it, the buyer's bank did not take it, or another sum went back: waits
    for a person, who may have it tried again, or settles it."""


class RefundEvent(StrEnum):
    """The events that move a refund."""

    SENT_BACK = "SENT_BACK"
    REFUSED = "REFUSED"
    BOUNCED = "BOUNCED"
    DIFFERS = "DIFFERS"
    RETRY = "RETRY"


class ShipmentState(StrEnum):
    """Where a parcel is."""

    PLANNED = "PLANNED"
    """To be picked."""
    PICKED = "PICKED"
    """Units were taken from their shelves."""
    PACKED = "PACKED"
    """SKUs and quantities were checked into the parcel; waits for its waybill."""
    LABELLED = "LABELLED"
    """Has a waybill; waits to leave."""
    SOURCING = "SOURCING"
    """Never leaves: its units are being reserved at another warehouse, for other parcels."""
    SHIPPED = "SHIPPED"
    """Has left the warehouse: its units are out of on hand."""
    IN_TRANSIT = "IN_TRANSIT"
    """The carrier has it."""
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    """On its last way."""
    DELIVERED = "DELIVERED"
    """Signed for. An end."""
    LOST = "LOST"
    """The carrier cannot find it."""
    DAMAGED = "DAMAGED"
    """The carrier or the buyer says that it was damaged on the way."""
    CANCELLED = "CANCELLED"
    """Will not be shipped. An end."""
    RETURNING = "RETURNING"
    """Refused, or could not be delivered: on its way back to us."""
    RETURNED = "RETURNED"
    """Came back to us unopened. An end."""


class ShipmentEvent(StrEnum):
    """The events that move a shipment."""

    PICK = "PICK"
    PACK = "PACK"
    LABEL = "LABEL"
    SHIP = "SHIP"
    TRAVEL = "TRAVEL"
    GO_OUT = "GO_OUT"
    SIGN = "SIGN"
    LOSE = "LOSE"
    DAMAGE = "DAMAGE"
    TURN_BACK = "TURN_BACK"
    COME_BACK = "COME_BACK"
    SOURCE = "SOURCE"
    CANCEL = "CANCEL"


class IncidentState(StrEnum):
    """How far something is settled that went wrong with a parcel (O10)."""

    OPEN = "OPEN"
    """Open until its owner says what is done about it, or its deadlines have passed."""
    WAITING = "WAITING"
    """The parcel is waited for, until a deadline."""
    RESHIPPING = "RESHIPPING"
    """Goods for a replacement are being reserved."""
    RESHIPPED = "RESHIPPED"
    """A replacement goes in another parcel. An end."""
    REFUNDED = "REFUNDED"
    """The money for the goods goes back. An end."""
    ARRIVED = "ARRIVED"
    """The parcel has come, or was picked, after all. An end."""


class IncidentEvent(StrEnum):
    """The events that move an incident."""

    ESCALATE = "ESCALATE"
    WAIT = "WAIT"
    WAITED_ENOUGH = "WAITED_ENOUGH"
    RESHIP = "RESHIP"
    STOCK_CONFIRMED = "STOCK_CONFIRMED"
    STOCK_SHORT = "STOCK_SHORT"
    REFUND = "REFUND"
    ARRIVE = "ARRIVE"
