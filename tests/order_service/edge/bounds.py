"""The bounds of every field of every request of `holdfast.order.v1`: one table.

A field is known by its message and name (`Delivery.phone`), else by its name alone (`tenant`).
Flags have no bounds. The tests fail for a field that is in neither table.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from holdfast.order.v1 import (
    aftersales_pb2,
    catalogue_pb2,
    fulfilment_pb2,
    operations_pb2,
    order_pb2,
    payment_pb2,
    policies_pb2,
    returns_pb2,
    settlement_pb2,
)

PACKAGE: Final = "holdfast.order.v1."
MILLION: Final = 10**6
TRILLION: Final = 10**12
TIME_MS_MAX: Final = 10**15
INT32_MAX, INT64_MAX, UINT32_MAX = 2**31 - 1, 2**63 - 1, 2**32 - 1


class Bound(NamedTuple):
    """Values of a field that are refused by its name, and values that are judged.

    Those of a repeated message are numbers of it.
    """

    beyond: tuple[Any, ...]
    within: tuple[Any, ...]

    def but(self, *refused: Any) -> "Bound":
        """This bound with more values that are refused."""
        kept = tuple(value for value in self.within if value not in refused)
        return Bound((*self.beyond, *refused), kept)

    def or_empty(self) -> "Bound":
        """This bound for a field that may be left out."""
        return Bound(tuple(value for value in self.beyond if value), (*self.within, ""))


def whole(least: int, most: int, *also_beyond: int) -> Bound:
    """A whole number."""
    return Bound((most + 1, *also_beyond), (least, most))


def text(length_max: int, length_min: int = 0) -> Bound:
    """The bound of text that a person types on a line."""
    refused = ("a" * (length_max + 1), "区" * (length_max + 1), "\0", "a\x07b", "a\x7f", "\u202eb")
    bound = Bound(refused, ("a" * length_max, "区" * length_max, " 'x' -- %s {y} ", "a\nb", ""))
    return bound.but("", " ") if length_min else bound


def one_of(last: int, *also_beyond: int) -> Bound:
    """A value of an enum that has to be set."""
    return Bound((0, last + 1, -1, INT32_MAX, *also_beyond), tuple(range(1, last + 1)))


def any_of(last: int) -> Bound:
    """A value of an enum that may be left out."""
    return Bound((last + 1, -1, INT32_MAX), tuple(range(last + 1)))


def token(*beyond: str) -> Bound:
    """A page token: what no page gave is refused."""
    return Bound(("\0", "a\0", "é", "x" * 10_000, *beyond), ("",))


ID: Final = Bound(
    ("", "a" * 65, "a b", "a/b", "é", "a\n", "a\0", "{a}", "*"), ("a" * 64, "A-Za.z0:9_")
)
NAME: Final = Bound(
    ("", "a" * 65, "é" * 33, "\n", "a\0b", "\x7f", "\u202e", "\u2028"),
    ("a" * 64, "é" * 32, "红 茶", "' --"),
)
MONEY: Final = whole(0, TRILLION, -1, -INT64_MAX - 1, INT64_MAX)
UNITS: Final = Bound((0, MILLION + 1, UINT32_MAX), (1, MILLION))
WEIGHT_G: Final = whole(0, MILLION, UINT32_MAX)
TIME_MS: Final = Bound((0, -1, -INT64_MAX - 1, TIME_MS_MAX + 1, INT64_MAX), (1, TIME_MS_MAX))
TIME_MS_FILTER: Final = Bound((-1, TIME_MS_MAX + 1, INT64_MAX), (0, 1, 2**45, TIME_MS_MAX))
COUNTRY: Final = Bound(("", "XX", "GBR", "é", "G\0", "G", "12"), ("GB",))
CURRENCY: Final = Bound(("", "gbp", "XXX", "GB", "GBPP", "£", "GB\0"), ("GBP",))
MILLICELSIUS: Final = Bound((MILLION + 1, -MILLION - 1, INT32_MAX, -INT32_MAX - 1), ())
PUT: Final = Bound((0, 1_001), (1,))
PARCEL_LINES: Final = Bound((1_001,), (0, 1_000))
TASK_KIND: Final = Bound(("NOPE", "reserve", "a\0", "RESERVE "), ("RESERVE", ""))
ANYTHING: Final = Bound((), (0, -1, INT64_MAX))
ACCOUNT: Final = Bound(
    ("nope", "merchant:a b", "merchant:", "x:y", "\0", "ESCROW"), ("", "escrow", "merchant:m1")
)
STATEMENT: Final = Bound(
    ("", "m", "m/CNY", "m/CNY/x", "m/CNY/1/1", "m/XXQ/1", "a b/CNY/1"), ("m/CNY/1",)
)


def degrees(most: float) -> Bound:
    """A coordinate."""
    return Bound((most + 0.001, -most - 0.001, math.nan, math.inf, -math.inf), (most, -most, 0.0))


WORDS: Final = Bound(("a" * 1_001, "a\0"), ("a" * 1_000, "a\nb", ""))
FILES: Final = Bound((["a"], ["0" * 64] * 11, ["G" * 64]), ([], ["0a" * 32]))
ANY_WORDS: Final = Bound((), ("", "A"))

BY_NAME: Final[dict[str, Bound]] = {
    "tenant": ID.or_empty(),
    "actor": ID.or_empty(),
    "order_id": ID,
    "case_id": ID,
    "shipment_id": ID,
    "merchant_id": ID.or_empty(),
    "page_size": whole(0, 1_000, UINT32_MAX),
    "sku": NAME,
    "location": NAME,
    "quantity": UNITS,
    "currency": CURRENCY,
    "country": COUNTRY,
    "reason": text(200, 1),
}

BY_FIELD: Final[dict[str, Bound]] = {
    # Catalogue.
    "PutArticlesRequest.articles": PUT,
    "PutWarehousesRequest.warehouses": PUT,
    "PutPlacesRequest.places": PUT,
    "PutArticlesRequest.only": Bound((["prices"], [""], ["sku\0"]), ([], ["price_minor"])),
    "PutWarehousesRequest.only": Bound((["open"], [""], ["closed\0"]), ([], ["closed"])),
    "Article.merchant_id": ID,
    "Article.title": text(200, 1),
    "Article.price_minor": MONEY,
    "Article.zone": text(64),
    "Article.weight_g": WEIGHT_G,
    "Article.temperature_min_millicelsius": MILLICELSIUS._replace(within=(-MILLION, 0)),
    "Article.temperature_max_millicelsius": MILLICELSIUS._replace(within=(MILLION, 8_000)),
    "Warehouse.country": COUNTRY.but("gb"),
    "Warehouse.latitude": degrees(90),
    "Warehouse.longitude": degrees(180),
    "Warehouse.priority": whole(0, MILLION, UINT32_MAX),
    "Place.country": COUNTRY.but("gb"),
    "Place.postcode_prefix": text(16),
    "Place.region": text(100),
    "Place.latitude": degrees(90),
    "Place.longitude": degrees(180),
    "ListArticlesRequest.sku": NAME.or_empty(),
    "ListArticlesRequest.page_token": Bound(("\0", "a\0", "x" * 65), ("", "A", "红")),
    "ListPlacesRequest.page_token": token("GB", "GB\n", "a\nb\nc\nd"),
    # Orders.
    "PlaceOrdersRequest.orders": Bound((0, 201), (1, 200)),
    "PlaceOrderRequest.source": one_of(5),
    "PlaceOrderRequest.order_key": ID,
    "PlaceOrderRequest.channel": ID.or_empty(),
    "PlaceOrderRequest.buyer_id": ID,
    "PlaceOrderRequest.lines": Bound((0, 201), (1,)),
    "PlaceOrderRequest.payment_method": Bound(
        ("", "nope", "SANDBOX_CARD", "a\0"), ("sandbox_card",)
    ),
    "PlaceOrderRequest.shortage_policy": any_of(3),
    "PlaceOrderRequest.remark": text(2_000),
    "PlaceOrderLine.unit_price_minor": MONEY,
    "Amounts.goods_minor": MONEY,
    "Amounts.discount_minor": MONEY,
    "Amounts.coupon_minor": MONEY,
    "Amounts.freight_minor": MONEY,
    "Amounts.tax_minor": MONEY,
    "Amounts.total_minor": MONEY,
    "Delivery.name": text(100, 1).but("12", "..."),
    "Delivery.phone": Bound(
        ("", "1", "call me", "+999123456", "0" * 41, "0" * 40, "0\0"), ("+44 20 7946 0000",)
    ),
    # PlaceOrder takes "" for the default country, CorrectDelivery refuses it.
    "Delivery.country": Bound(tuple(filter(None, COUNTRY.beyond)), ("GB", "gb", " GB ")),
    "Delivery.postcode": Bound(
        ("", "12345", "SW1A", "A" * 17, "SW1A 1AA\0"), ("SW1A 1AA", "sw1a  1aa")
    ),
    "Delivery.region": text(100),
    "Delivery.city": text(100, 1),
    "Delivery.district": text(100),
    "Delivery.street": text(200, 1),
    "Delivery.email": Bound(
        ("nobody", "a@b", "a b@example.com", "a@example.com\0", "a" * 250 + "@b.de", "a@b,c@d.de"),
        ("", "a@example.com", "ü.x+y@mail.example.co.uk"),
    ),
    "Delivery.wish": any_of(2),
    "ListOrdersRequest.page_token": token("a b"),
    "ListOrdersRequest.buyer_id": ID.or_empty(),
    "ListOrdersRequest.state": any_of(13),
    "ListOrdersRequest.source": any_of(5),
    "ListOrdersRequest.placed_from_at_ms": TIME_MS_FILTER,
    "ListOrdersRequest.placed_before_at_ms": TIME_MS_FILTER,
    "AddRemarkRequest.remark_id": ID,
    "AddRemarkRequest.author": ID,
    "AddRemarkRequest.channel": ID,
    "AddRemarkRequest.text": text(2_000, 1),
    "FindOrdersRequest.number": text(200, 1),
    "FindOrdersRequest.country": COUNTRY.but("").or_empty(),
    "FindOrdersRequest.page_token": token("a b"),
    "ListPendingPaymentsRequest.provider": ID.or_empty(),
    "ListPendingPaymentsRequest.created_before_at_ms": TIME_MS_FILTER,
    "ListPendingPaymentsRequest.page_token": token("x", "-1.a", "1.", ".a", "²", "9" * 17 + ".a"),
    "ListRemarksRequest.page_token": token(
        "x", "1", "1.", "-1.a", "1.a b", "1.a\0", "1" * 30 + ".a"
    ),
    "CorrectDeliveryRequest.correction_id": ID,
    "CorrectDeliveryRequest.confirmed_by_buyer_via": ID,
    "GetTimelineRequest.page_token": token("x", "1", "1.", ".1", "1.x", "-1.0", "1" * 30 + ".0"),
    # Payments.
    "StartPaymentRequest.payment_key": ID,
    "StartPaymentRequest.method": Bound(("nope", "a\0"), ("", "sandbox_card")),
    "RefundOrderRequest.refund_key": ID.but("a" * 49, "a" * 64),
    "RefundOrderRequest.amount_minor": MONEY,
    "RefundOrderRequest.lines": Bound((201,), (0, 200)),
    "CancelShipmentRequest.units_found": any_of(2),
    "RefundLine.line_no": Bound((0, 32_768), (1, 32_767)),
    "RefundLine.units": Bound((1_000_000_001,), (0, 1)),
    "RefundLine.shipment_id": ID.or_empty(),
    "RetryRefundRequest.refund_id": ID,
    "ListFailedRefundsRequest.page_token": token("a b"),
    "SettleRefundRequest.refund_id": ID,
    "ListQuarantinedRequest.page_token": token("a b"),
    "ResolveQuarantinedRequest.payment_id": ID,
    "ResolveQuarantinedRequest.resolution": one_of(2),
    "ListMoneyCasesRequest.page_token": token(
        "x", "1", "1.0", "1.0.", "-1.0.a", "1.x.a", "1.0.a b"
    ),
    "ReconcileRequest.provider": Bound(("", "nope", "a\0"), ("sandbox",)),
    "ReconcileRequest.day": Bound(
        (
            *("", "today", "2026-11-31", "2026-11-2", "2026-11-22\0", "2026-11-22T00:00"),
            *("20261122", "9999-12-31"),
        ),
        ("2026-11-22", "0001-01-01"),
    ),
    # Fulfilment.
    "ReviewOrderRequest.verdict": one_of(2),
    "ReviewOrderRequest.reason": text(200),
    "HoldOrderRequest.reason": text(200, 1),
    "ReleaseHoldRequest.reason": text(200),
    "ListReviewsRequest.page_token": token("a b"),
    "CreateWaveRequest.wave_id": ID,
    "CreateWaveRequest.zone": text(64),
    "CreateWaveRequest.shipments_max": whole(0, 1_000, UINT32_MAX),
    "ListWavesRequest.location": NAME.or_empty(),
    "ListWavesRequest.page_token": token("x", "-1.a", "1.", ".a", "²", "9" * 17 + ".a"),
    "ListPicksRequest.wave_id": ID.or_empty(),
    "ListPicksRequest.location": NAME.or_empty(),
    "ListPicksRequest.zone": text(64),
    "ListPicksRequest.page_token": token("x", "-1", "1.5", "²", "9" * 17),
    "ConfirmPickRequest.lines": PARCEL_LINES,
    "ConfirmPackingRequest.lines": PARCEL_LINES,
    "ConfirmPackingRequest.weight_g": WEIGHT_G.but(0),
    "ConfirmPackingRequest.with_shipment_ids": Bound((["a"] * 101,), ([], ["a"] * 100)),
    "ListShipmentsRequest.order_id": ID.or_empty(),
    "ListShipmentsRequest.state": any_of(14),
    "ListShipmentsRequest.location": NAME.or_empty(),
    "ListShipmentsRequest.waybill": NAME.or_empty(),
    "ListShipmentsRequest.page_token": token("a b"),
    "TrackingEvent.carrier": ID,
    "TrackingEvent.event_id": ID,
    # The others have no amount, and the one that is sent has.
    "TrackingEvent.kind": one_of(12)._replace(within=(9,)),
    "TrackingEvent.happened_at_ms": TIME_MS,
    "TrackingEvent.place": text(100),
    "TrackingEvent.amount_minor": MONEY.but(0),
    "TrackingEvent.received_at_ms": ANYTHING,
    "TemperatureReading.sensor": ID,
    "TemperatureReading.read_at_ms": TIME_MS,
    "TemperatureReading.temperature_millicelsius": Bound(
        (MILLION + 1, -273_151, INT32_MAX, -INT32_MAX - 1), (MILLION, -273_150)
    ),
    # Of some units of a parcel: DELAY and LOSS, which are of a whole one, are refused by `lines`.
    "ReportIncidentRequest.kind": Bound((0, 4, 5, 6, 7, 10, -1, INT32_MAX), (3, 8, 9)),
    "ReportIncidentRequest.lines": PARCEL_LINES,
    "ReportIncidentRequest.reason": text(200),
    "ListIncidentsRequest.owner": ID.or_empty(),
    "ListIncidentsRequest.kind": any_of(9),
    "ListIncidentsRequest.page_token": token("x", "1/a b", "1/a\0", "-1/a", "9" * 17),
    "ResolveIncidentRequest.incident_id": ID,
    "ResolveIncidentRequest.resolution": one_of(3),
    "ResolveIncidentRequest.reason": text(200),
    # Returns.
    "InterceptShipmentRequest.reason": text(200, 1),
    "AnswerInterceptRequest.intercept_id": ID,
    "AnswerInterceptRequest.reason": text(200),
    "ListInterceptsRequest.order_id": ID.or_empty(),
    "ListInterceptsRequest.state": any_of(5),
    "ListInterceptsRequest.page_token": token("a b"),
    "RecordArrivalRequest.arrival_id": ID,
    "RecordArrivalRequest.carrier": ID,
    "RecordArrivalRequest.waybill": NAME,
    "RecordArrivalRequest.old_waybill": NAME.or_empty(),
    "MatchArrivalRequest.arrival_id": ID,
    "ListArrivalsRequest.page_token": token("x", "-1.a", "1.", ".a", "9" * 17 + ".a"),
    "JudgedUnits.serials": Bound((["\0"], ["a"] * 1_001), ([],)),
    "RecordRepairRequest.case_id": ID,
    "RecordRepairRequest.step": one_of(3),
    "RecordRepairRequest.serials": Bound((["\0"], ["a"] * 1_001), ([], ["S1"])),
    "RecordRepairRequest.reason": text(200),
    "AnnounceReturnRequest.leg_id": ID,
    "AnnounceReturnRequest.carrier": ID,
    "AnnounceReturnRequest.waybill": NAME,
    "ReceiveReturnRequest.leg_id": ID,
    "ReceiveReturnRequest.location": NAME.or_empty(),
    "InspectReturnRequest.leg_id": ID,
    "InspectReturnRequest.groups": Bound((0, 1_001), (1, 1_000)),
    "JudgedUnits.line_no": Bound((0, 32_768), (1, 32_767)),
    "JudgedUnits.sku": NAME.or_empty(),
    "JudgedUnits.shipment_id": ID.or_empty(),
    "JudgedUnits.condition": one_of(6),
    "JudgedUnits.fate": any_of(4),
    "JudgedUnits.deduction_minor": MONEY,
    "JudgedUnits.pictures": Bound((["a"], ["0" * 64] * 10, ["G" * 64]), ([], ["0a" * 32] * 9)),
    "ListReturnsRequest.order_id": ID.or_empty(),
    "ListReturnsRequest.state": any_of(7),
    "ListReturnsRequest.kind": any_of(6),
    "ListReturnsRequest.location": NAME.or_empty(),
    "ListReturnsRequest.waybill": NAME.or_empty(),
    "ListReturnsRequest.page_token": token("a b"),
    # Cases.
    **{
        f"{request}.{field}": bound
        for request in ("RequestCaseRequest", "PreviewCaseRequest")
        for field, bound in {
            "case_key": ID,
            "role": any_of(5),
            "kind": one_of(6),
            "reason": one_of(9),
            "lines": Bound((0, 201), (1,)),
            "wanted_minor": MONEY,
            "wanted_sku": Bound(("a" * 65, "a\0b", "A"), ("",)),
            "text": WORDS,
            "evidence": FILES,
        }.items()
    },
    "CaseLine.line_no": Bound((0, 32_768), (1, 32_767)),
    "CaseLine.sku": ANY_WORDS,
    "CaseLine.quantity": Bound((MILLION + 1, UINT32_MAX), (0, MILLION)),
    "CaseLine.shipment_id": ID.or_empty(),
    **{
        f"{request}.role": any_of(5)
        for request in (
            *("AmendCaseRequest", "WithdrawCaseRequest", "AnswerCaseRequest"),
            *("ProposeToBuyerRequest", "AnswerProposalRequest"),
        )
    },
    **{
        f"{request}.text": WORDS
        for request in (
            *("AmendCaseRequest", "AnswerCaseRequest"),
            *("ProposeToBuyerRequest", "AnswerProposalRequest"),
        )
    },
    "AmendCaseRequest.evidence": FILES,
    "AnswerCaseRequest.evidence": FILES,
    "AmendCaseRequest.wanted_minor": MONEY,
    "AnswerCaseRequest.event": any_of(26),
    "AnswerCaseRequest.amount_minor": MONEY,
    "ProposeToBuyerRequest.event": any_of(26),
    "ProposeToBuyerRequest.amount_minor": MONEY,
    "ListCasesRequest.order_id": ID.or_empty(),
    "ListCasesRequest.state": any_of(16),
    "ListCasesRequest.kind": any_of(6),
    "ListCasesRequest.page_token": token("a b"),
    # Policies.
    "PutPolicyRequest.document": Bound(
        ("", "a\0", "[]", " " * 65_537),
        ('{"policy_id": "a", "clauses": {}}',),
    ),
    "TryPolicyRequest.document": Bound(("", "{}"), ('{"policy_id": "a", "clauses": {}}',)),
    "TryPolicyRequest.cases_max": whole(0, 1_000, UINT32_MAX),
    "ExplainPolicyRequest.reason": one_of(9),
    "ExplainPolicyRequest.kind": any_of(6),
    "ExplainPolicyRequest.asked_at_ms": Bound((-1, INT64_MAX), (0, 1)),
    "GetPolicyRequest.version": Bound((UINT32_MAX, 1_000), (0,)),
    "ListPoliciesRequest.page_token": token("a", "-1", "1.1"),
    "Pause.state": one_of(16).but(1, 14, 15, 16),
    "Pause.from_at_ms": Bound((0, -1, INT64_MAX), ()),
    "Pause.until_at_ms": Bound((0, -1, INT64_MAX), ()),
    # Settlement.
    "GetBalancesRequest.account": ACCOUNT,
    "GetBalancesRequest.currency": CURRENCY.or_empty(),
    "ListJournalsRequest.order_id": ID.or_empty(),
    "ListJournalsRequest.account": ACCOUNT,
    "ListJournalsRequest.from_at_ms": TIME_MS_FILTER,
    "ListJournalsRequest.before_at_ms": TIME_MS_FILTER,
    "ListJournalsRequest.page_token": token("a b"),
    "RecordRemittanceRequest.account": Bound(
        ("", "escrow", "provider", "provider:", "merchant:m1", "x:y", "carrier:a b"),
        ("provider:stripe", "carrier:sf"),
    ),
    "RecordRemittanceRequest.currency": CURRENCY,
    "RecordRemittanceRequest.amount_minor": MONEY,
    "RecordRemittanceRequest.fee_minor": MONEY,
    "RecordRemittanceRequest.key": ID,
    "Contract.merchant_id": ID,
    "Contract.contract_no": Bound((), (0, UINT32_MAX)),
    # 0 is now; what was in force cannot be changed.
    "Contract.from_at_ms": Bound((-1, 1, 4_000_000_000_001, INT64_MAX), (0,)),
    "Contract.commission_bp": Bound((10_001, UINT32_MAX), (0, 9_940)),
    "Contract.service_fee_bp": Bound((10_001, 9_501, UINT32_MAX), (0, 9_500)),
    "Contract.coupon_bp": whole(0, 10_000, UINT32_MAX),
    "Contract.period": any_of(4)._replace(within=(4,)),
    "Contract.period_days": Bound((0, 367, UINT32_MAX), (1, 366)),
    "Contract.zone": Bound(("Mars/Base", "a" * 500, "\0", "../UTC"), ("", "UTC", "Asia/Shanghai")),
    "Contract.payout_min_minor": Bound((-1, 1_000_000_001, INT64_MAX), (0, 1_000_000_000)),
    "ListContractsRequest.page_token": token("x", "1.a b", "-1.a", "².a"),
    "ListStatementsRequest.state": any_of(8),
    "ListStatementsRequest.page_token": token("x", "m/CNY", "m/CNY/x", "a b/CNY/1"),
    "GetStatementRequest.statement_id": STATEMENT,
    "ListStatementLinesRequest.statement_id": STATEMENT,
    "ListStatementLinesRequest.page_token": token("x", "-1", "1.5", "²", "9" * 17),
    "ConfirmStatementRequest.statement_id": STATEMENT,
    "ObjectStatementRequest.statement_id": STATEMENT,
    "ObjectStatementRequest.reason": text(200, 1),
    "AnswerStatementRequest.statement_id": STATEMENT,
    "AnswerStatementRequest.correction_minor": Bound(
        (TRILLION + 1, -TRILLION - 1, INT64_MAX), (TRILLION, -TRILLION, 0)
    ),
    "AnswerStatementRequest.reason": text(200, 1),
    "PayStatementRequest.statement_id": STATEMENT,
    "RecordPayoutRequest.payout_id": Bound(
        ("", "m/CNY/1", "m/CNY/1/x", "m/XXQ/1/1", "a b/CNY/1/1"), ("m/CNY/1/1",)
    ),
    "RecordPayoutRequest.result": one_of(2),
    "RecordPayoutRequest.payout_ref": NAME.or_empty(),
    "RecordPayoutRequest.reason": text(200, 1),
    # Operations.
    "ListTasksRequest.kind": TASK_KIND,
    "ListTasksRequest.order_id": ID.or_empty(),
    "ListTasksRequest.page_token": token("a b"),
    "ReplayTasksRequest.task_ids": Bound((["a"] * 1_001,), ([], ["a"] * 1_000)),
    "ReplayTasksRequest.kind": TASK_KIND,
    "ReplayTasksRequest.order_id": ID.or_empty(),
    "DropTaskRequest.task_id": ID,
    "DropTaskRequest.why": text(200, 1),
}

METHODS: Final[dict[str, MethodDescriptor]] = {
    f"/{service.full_name}/{method.name}": method
    for module in (
        aftersales_pb2,
        catalogue_pb2,
        fulfilment_pb2,
        operations_pb2,
        order_pb2,
        payment_pb2,
        policies_pb2,
        returns_pb2,
        settlement_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
REQUESTS: Final = [method.input_type for method in METHODS.values()]


class Leaf(NamedTuple):
    """A field of a request, or of a message in it: the fields on the way to it."""

    path: tuple[FieldDescriptor, ...]

    @property
    def field(self) -> FieldDescriptor:
        """The last of them."""
        return self.path[-1]

    @property
    def name(self) -> str:
        """The field's name in an error, of the first of each repeated message: `lines[0].sku`."""
        inner = [
            f"{field.name}[0]" if field.is_repeated else field.name for field in self.path[:-1]
        ]
        return ".".join([*inner, self.field.name])

    @property
    def key(self) -> str:
        """The field's message and name."""
        return self.field.full_name.removeprefix(PACKAGE)

    @property
    def is_message(self) -> bool:
        """Whether it is a message itself, and not repeated: its fields have the bounds."""
        return self.field.message_type is not None and not self.field.is_repeated

    def bound(self) -> Bound | None:
        """The field's bound; None if nobody has said one."""
        if self.field.type == FieldDescriptor.TYPE_BOOL:
            return Bound((), (True, False))
        return BY_FIELD.get(self.key) or BY_NAME.get(self.field.name)

    def put(self, request: Any, value: Any) -> Any:
        """A copy of a request that has another value there."""
        changed = type(request)()
        changed.CopyFrom(request)
        holder = changed
        for field in self.path[:-1]:
            holder = getattr(holder, field.name)
            holder = holder[0] if field.is_repeated else holder
        if not self.field.is_repeated:
            setattr(holder, self.field.name, value)
            return changed
        values = getattr(holder, self.field.name)
        kept = [values[0]] * value if isinstance(value, int) else value
        holder.ClearField(self.field.name)
        getattr(holder, self.field.name).extend(kept)
        return changed


def leaves_of(message: Descriptor, path: tuple[FieldDescriptor, ...] = ()) -> Iterator[Leaf]:
    """All fields of a message, and of the messages in it that are no requests of their own."""
    for field in message.fields:
        yield Leaf((*path, field))
        if field.message_type is not None and field.message_type not in REQUESTS:
            yield from leaves_of(field.message_type, (*path, field))


def extremes_of(field: FieldDescriptor) -> Iterable[Any]:
    """Values of a field's type that are hard to bear, whatever it means."""
    match field.type:
        case FieldDescriptor.TYPE_STRING if field.is_repeated:
            return [[value] for value in _STRINGS]
        case FieldDescriptor.TYPE_STRING:
            return _STRINGS
        case FieldDescriptor.TYPE_BOOL:
            return (True, False)
        case FieldDescriptor.TYPE_DOUBLE:
            return (0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, 5e-324)
        case FieldDescriptor.TYPE_UINT32:
            return (0, 1, UINT32_MAX)
        case FieldDescriptor.TYPE_SINT32 | FieldDescriptor.TYPE_ENUM:
            return (0, 1, -1, INT32_MAX, -INT32_MAX - 1)
        case FieldDescriptor.TYPE_INT64:
            return (0, 1, -1, INT64_MAX, -INT64_MAX - 1, 2**45, TRILLION)
        case FieldDescriptor.TYPE_MESSAGE:
            return (0, 1, 2, 1_500) if field.is_repeated else ()
    raise AssertionError(f"nobody has said what is extreme for {field.full_name}")


_STRINGS: Final = (
    *("", " ", "\0", "a\0b", "\n", "\x7f", "\u202e", "é" * 70, "😀" * 64, "a" * 100_000, "0" * 40),
    *("1", "-1", "1.0", "1.\0", "1/\0", ".", "/", "-", "a-b-c", "\n\n", "GB\n\0\n", "\ufffe"),
    *("'; DROP TABLE orders; --", "%s", "{}", "{0.__class__}", "2026-11-22", "9999-12-31"),
)
