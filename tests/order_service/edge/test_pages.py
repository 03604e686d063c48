"""Lists by page: the last page has no token, and no caller is sent on to an empty one."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pytest

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
from order_service.aftersales import case_queries
from order_service.aftersales import queries as aftersales
from order_service.aftersales.arrivals import Arrival
from order_service.aftersales.policy import store as policies
from order_service.aftersales.policy.book import PolicyBook
from order_service.aftersales.policy.document import Policy
from order_service.catalogue import store
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.contracts import Contract
from order_service.catalogue.model import Article, Place
from order_service.edge import fulfilment, payments, returns
from order_service.edge.aftersales import AfterSalesServicer
from order_service.edge.catalogue import CatalogueServicer
from order_service.edge.fulfilment import FulfilmentServicer
from order_service.edge.operations import OperationsServicer
from order_service.edge.orders import OrderServicer
from order_service.edge.payments import PaymentServicer
from order_service.edge.policies import PolicyServicer
from order_service.edge.returns import ReturnServicer
from order_service.edge.settlement import SettlementServicer
from order_service.fulfilment import queries
from order_service.fulfilment.waves import Wave, WaveInHand
from order_service.order.cases import Case
from order_service.order.intercepts import Intercept
from order_service.order.model import (
    HistoryEntry,
    Incident,
    Order,
    Payment,
    Refund,
    Remark,
    Shipment,
    Task,
)
from order_service.order.return_legs import ReturnLeg
from order_service.payment.books import FailedRefund
from order_service.payment.case_list import WaitingMoney
from order_service.settlement import ledger_reads, statement_store
from order_service.settlement.statements import Statement
from order_service.storage import lookups, reads, tasks
from serving.deadlines import Deadlines
from tests.made import made
from tests.order_service.samples import order

SIZE: Final = 2
ORDER: Final = "4330000000000000000"
PART: Final = f"{ORDER}-p1"
ANY: Final[Any] = None
CONTRACT: Final = (
    order_pb2,
    payment_pb2,
    fulfilment_pb2,
    aftersales_pb2,
    catalogue_pb2,
    operations_pb2,
    policies_pb2,
    returns_pb2,
    settlement_pb2,
)


class Listed(NamedTuple):
    """A list of the contract: where its servicer finds its rows, and what they are."""

    servicer: Callable[[Any, Deadlines], Any]
    module: Any
    function: str
    row: type
    given: Mapping[str, Any] = {}
    """Fields of a row that chance cannot make."""


def _of_orders(orders: Any, deadlines: Deadlines) -> OrderServicer:
    return OrderServicer(orders, ANY, ANY, deadlines)


def _of_payments(orders: Any, deadlines: Deadlines) -> PaymentServicer:
    return PaymentServicer(orders, {}, ANY, deadlines)


def _of_fulfilment(orders: Any, deadlines: Deadlines) -> FulfilmentServicer:
    return FulfilmentServicer(orders, ANY, ANY, 1, 1, deadlines)


def _of_returns(orders: Any, deadlines: Deadlines) -> ReturnServicer:
    return ReturnServicer(orders, deadlines, ANY)


def _of_cases(orders: Any, deadlines: Deadlines) -> AfterSalesServicer:
    return AfterSalesServicer(orders, ANY, ANY, deadlines)


def _of_policies(orders: Any, deadlines: Deadlines) -> PolicyServicer:
    return PolicyServicer(orders, PolicyBook(orders), lambda _: {}, deadlines)


def _of_settlement(orders: Any, deadlines: Deadlines) -> SettlementServicer:
    return SettlementServicer(orders, ANY, ANY, deadlines)


def _of_catalogue(orders: Any, deadlines: Deadlines) -> CatalogueServicer:
    return CatalogueServicer(orders, Catalogue(orders), deadlines)


def _of_operations(orders: Any, deadlines: Deadlines) -> OperationsServicer:
    return OperationsServicer(orders, ANY, ANY, ANY, ANY, deadlines)


STATES: Final = {"state": "SHIPPED", "source": "WEB"}
# What tokens are made of is inside of what is listed.
NO_DEADLINE: Final = {"lines": (), "deadline_at_ms": 0}
FOUND: Final = made(reads.Summary, random.Random(1), **STATES, order_id=ORDER)
WAVE: Final = made(Wave, random.Random(1), wave_id="w-1")
REFUND: Final = made(Refund, random.Random(1), refund_id=PART, payment_id=PART)
LISTS: Final[dict[str, Listed]] = {
    "ListOrders": Listed(_of_orders, reads, "list_orders", reads.Summary, STATES),
    "FindOrders": Listed(_of_orders, lookups, "find_orders", lookups.Found, {"order": FOUND}),
    "ListRemarks": Listed(_of_orders, reads, "remarks_of", Remark),
    "GetTimeline": Listed(_of_orders, reads, "timeline_of", HistoryEntry),
    "ListPendingPayments": Listed(_of_payments, payments, "pending_payments", Payment),
    "ListFailedRefunds": Listed(
        _of_payments, payments, "failed_refunds", FailedRefund, {"refund": REFUND}
    ),
    "ListQuarantined": Listed(_of_payments, payments, "quarantined", Payment),
    "ListMoneyCases": Listed(_of_payments, payments, "waiting_money", WaitingMoney),
    "ListWaves": Listed(_of_fulfilment, fulfilment, "list_waves", WaveInHand, {"wave": WAVE}),
    "ListReviews": Listed(_of_fulfilment, queries, "waiting_reviews", queries.WaitingReview),
    "ListPicks": Listed(_of_fulfilment, queries, "list_picks", queries.Pick),
    "ListShipments": Listed(_of_fulfilment, queries, "list_shipments", Shipment),
    "ListIncidents": Listed(_of_fulfilment, queries, "list_incidents", Incident),
    "ListArrivals": Listed(_of_returns, returns, "list_arrivals", Arrival, {"arrival_id": "a-1"}),
    "ListIntercepts": Listed(_of_returns, aftersales, "list_intercepts", Intercept),
    "ListReturns": Listed(_of_returns, aftersales, "list_legs", ReturnLeg),
    "ListCases": Listed(_of_cases, case_queries, "list_cases", Case, NO_DEADLINE),
    "ListPolicies": Listed(
        _of_policies, policies, "list_policies", Policy, {"clauses": {}, "sources": {}}
    ),
    "ListJournals": Listed(
        _of_settlement, ledger_reads, "list_journals", ledger_reads.PostedJournal
    ),
    "ListContracts": Listed(
        _of_settlement, store, "list_contracts", Contract, {"merchant_id": "m1"}
    ),
    "ListStatements": Listed(
        _of_settlement, statement_store, "list_statements", Statement, {"merchant_id": "m1"}
    ),
    "ListStatementLines": Listed(
        _of_settlement, statement_store, "list_statement_lines", ledger_reads.StatementLine
    ),
    "ListArticles": Listed(_of_catalogue, store, "list_articles", Article, {"sku": "MUG"}),
    "ListPlaces": Listed(_of_catalogue, store, "list_places", Place),
    "ListTasks": Listed(_of_operations, tasks, "list_tasks", Task),
}
METHODS: Final = {
    method.name: method
    for module in CONTRACT
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if "next_page_token" in method.output_type.fields_by_name
}


class _Orders:
    """Orders whose every read is of no database."""

    async def read(self, function: Callable[[Any], Any]) -> Any:
        return function(None)

    def clock_ms(self) -> int:
        return 1_000


class _Call:
    """A call without a deadline of its own."""

    def time_remaining(self) -> None:
        return None


def _any_orders(_connection: Any, order_ids: Sequence[str]) -> dict[str, Order]:
    return dict.fromkeys(order_ids, order())


def test_every_list_of_the_contract_is_tried() -> None:
    assert set(LISTS) == set(METHODS)


async def _page(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> tuple[Sequence[Any], str]:
    """The first page of a list of `count` rows, and its token."""
    listed, chance = LISTS[name], random.Random(7)
    given = {name: PART for name in dir(listed.row) if name.endswith("_id")}
    rows = [made(listed.row, chance, **{**given, **listed.given}) for _ in range(count)]

    def read(*_values: Any, size: int = count, **_: Any) -> list[Any]:
        return rows[:size]

    monkeypatch.setattr(listed.module, listed.function, read)
    monkeypatch.setattr(reads, "order_exists", lambda *_: True)
    monkeypatch.setattr(case_queries, "orders_of", _any_orders)
    servicer = listed.servicer(_Orders(), Deadlines(1_000))
    method = METHODS[name]
    module = next(module for module in CONTRACT if module.DESCRIPTOR is method.input_type.file)
    request = getattr(module, method.input_type.name)(page_size=SIZE)
    if name == "ListStatementLines":
        request.statement_id = "m1/CNY/1"
    if name == "FindOrders":
        request.number = "cart-91"
    if "order_id" in request.DESCRIPTOR.fields_by_name and listed.servicer is _of_orders:
        request.order_id = ORDER
    response = await getattr(servicer, name)(request, _Call())
    (field,) = (field for field in response.DESCRIPTOR.fields if field.is_repeated)
    return getattr(response, field.name), response.next_page_token


@pytest.mark.parametrize("name", LISTS)
async def test_the_last_page_has_no_token(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    page, token = await _page(monkeypatch, name, SIZE)
    assert (len(page), token) == (SIZE, "")


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_that_more_follows_has_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    page, token = await _page(monkeypatch, name, SIZE + 1)
    assert len(page) == SIZE
    assert token
