"""Tasks as databases have them since version 0.4.0: lane and payload of every kind, to the letter.

This table is only added to.
"""

from typing import Final, NamedTuple

from order_service.order.tasks import (
    AskToIntercept,
    CancelOrder,
    CancelShipmentStock,
    CancelStock,
    CaseDue,
    CashDue,
    CatchUpOnTracking,
    ClosePayment,
    CompleteOrder,
    ConfirmStock,
    DeliveryDue,
    EarnParts,
    ExpireReservation,
    GetLabel,
    KeepStock,
    LearnRefunds,
    LegDue,
    NotifyBuyer,
    NotifyMerchant,
    Payload,
    PaymentDue,
    PickDue,
    PublishEvent,
    QueryPayment,
    ReleaseStock,
    RemindToPay,
    ReserveStock,
    Reship,
    ReturnStock,
    ReviewOrder,
    SendRefund,
    ShipStock,
    SourceAnew,
    SourceElsewhere,
    StartPayment,
    TakeIn,
    TaskKind,
    VoidLabel,
    WaitDue,
)


class Stored(NamedTuple):
    """A task's columns, and the payload that they stand for."""

    kind: str
    lane: str
    payload: str
    read: Payload


STORED: Final = (
    Stored("RESERVE", "stock", "", ReserveStock()),
    Stored("WAIT_DUE", "wait", "", WaitDue()),
    Stored("CONFIRM", "stock", "", ConfirmStock()),
    Stored("RELEASE", "stock", "", ReleaseStock()),
    Stored("CANCEL", "stock", "", CancelStock()),
    Stored("EXPIRE", "stock", "", ExpireReservation()),
    Stored("KEEP", "hold", '{"expires_at_ms":1}', KeepStock(1)),
    Stored("CANCEL_PARCEL", "stock", '{"shipment_id":"4-s1"}', CancelShipmentStock("4-s1")),
    Stored(
        "CANCEL_PARCEL",
        "stock",
        '{"shipment_id":"4-s1","lost":true}',
        CancelShipmentStock("4-s1", lost=True),
    ),
    Stored("SHIP", "stock", '{"shipment_id":"4-s1"}', ShipStock("4-s1")),
    Stored("RETURN", "stock", '{"shipment_id":"4-s1"}', ReturnStock("4-s1")),
    Stored("TAKE_IN", "stock", '{"leg_id":"4-b1"}', TakeIn("4-b1")),
    Stored("LEG_DUE", "leg:4-b1", '{"leg_id":"4-b1"}', LegDue("4-b1")),
    Stored("INTERCEPT", "intercept:4-t1", '{"intercept_id":"4-t1"}', AskToIntercept("4-t1")),
    Stored("CASE_DUE", "case:4-c1", '{"case_id":"4-c1"}', CaseDue("4-c1")),
    Stored("SOURCE", "stock", '{"shipment_id":"4-s1"}', SourceElsewhere("4-s1")),
    Stored("SOURCE_ANEW", "anew", "", SourceAnew()),
    Stored("START_PAYMENT", "payment:4-p1", '{"payment_id":"4-p1"}', StartPayment("4-p1")),
    Stored("QUERY_PAYMENT", "query", '{"round":0}', QueryPayment(0)),
    Stored("CLOSE_PAYMENT", "payment:4-p1", '{"payment_id":"4-p1"}', ClosePayment("4-p1")),
    Stored("REFUND", "refund:4-r1", '{"refund_id":"4-r1"}', SendRefund("4-r1")),
    Stored(
        "REFUND",
        "refund:4-r1",
        '{"refund_id":"4-r1","attempt":7,"after":"re_1"}',
        SendRefund("4-r1", 7, "re_1"),
    ),
    Stored(
        "REFUND",
        "refund:4-r1",
        '{"refund_id":"4-r1","attempt":7,"after":""}',
        SendRefund("4-r1", 7, ""),
    ),
    Stored("LEARN_REFUNDS", "learn:4-p1", '{"payment_id":"4-p1"}', LearnRefunds("4-p1")),
    Stored("PAYMENT_DUE", "due", "", PaymentDue()),
    Stored(
        "CANCEL_ORDER",
        "wish",
        '{"reason":"\\u4e70\\u5bb6 \\"changed\\" his mind"}',
        CancelOrder('买家 "changed" his mind'),
    ),
    Stored("REVIEW", "review", "", ReviewOrder()),
    Stored("LABEL", "carrier:4-s1", '{"shipment_id":"4-s1"}', GetLabel("4-s1")),
    Stored(
        "LABEL", "carrier:4-s1", '{"shipment_id":"4-s1","refused":[]}', GetLabel("4-s1", refused=())
    ),
    Stored(
        "LABEL",
        "carrier:4-s1",
        '{"shipment_id":"4-s1","refused":["sandbox","easypost"]}',
        GetLabel("4-s1", refused=("sandbox", "easypost")),
    ),
    Stored("VOID_LABEL", "carrier:4-s1", '{"shipment_id":"4-s1"}', VoidLabel("4-s1")),
    Stored("TRACK", "tracking:4-s1", '{"shipment_id":"4-s1"}', CatchUpOnTracking("4-s1")),
    Stored("PICK_DUE", "pick", "", PickDue()),
    Stored("DELIVERY_DUE", "delivery", "", DeliveryDue()),
    Stored("RESHIP", "reship:4-i1", '{"incident_id":"4-i1"}', Reship("4-i1")),
    Stored("COMPLETE", "complete", "", CompleteOrder()),
    Stored("EARN", "earn", "", EarnParts()),
    Stored("CASH_DUE", "cash", "", CashDue()),
    Stored("CASH_DUE", "cash", '{"currency":"CNY"}', CashDue("CNY")),
    Stored("REMIND_TO_PAY", "remind:mail", '{"channel":"mail"}', RemindToPay("mail")),
    Stored(
        "NOTIFY_BUYER",
        "buyer:mail",
        '{"channel":"mail","notice":"parcel_lost","part_id":"4-i1"}',
        NotifyBuyer("mail", "parcel_lost", "4-i1"),
    ),
    Stored(
        "NOTIFY_MERCHANT",
        "merchant:mail",
        '{"channel":"mail","notice":"new_order","merchant_id":"m-1"}',
        NotifyMerchant("mail", "new_order", "m-1"),
    ),
    Stored(
        "EVENT",
        "event:erp.example/hook",
        '{"receiver":"erp.example/hook","machine":"order","event":"BEGIN","from_state":null,'
        '"to_state":"RESERVING","part_id":"","version":1}',
        PublishEvent("erp.example/hook", "order", "BEGIN", None, "RESERVING", "", 1),
    ),
)

OF_KIND: Final = {TaskKind(stored.kind): stored.read for stored in reversed(STORED)}
"""A payload of each kind, for tests to which it is all the same what is in it."""
