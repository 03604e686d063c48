"""The order service's lists: each is total, and documented, and the contract has the same names."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from prometheus_client import CollectorRegistry

from holdfast.cli.output import enum_name
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
from order_service.aftersales.repairing import RepairStep
from order_service.app import SERVICES
from order_service.audit.invariants import INVARIANTS
from order_service.catalogue.contracts import Period
from order_service.config import Config
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.fulfilment.incidents import INCIDENTS
from order_service.notifications.merchants import Merchant
from order_service.notifications.notices import NOTICES, OF_RECORDS, OF_TIMERS, Notice
from order_service.notifications.texts import TEXTS, Language
from order_service.order.cases import (
    CaseEvent,
    CaseKind,
    CaseReason,
    CaseRole,
    CaseState,
    ProposalAnswer,
)
from order_service.order.intercepts import InterceptState
from order_service.order.model import IncidentKind
from order_service.order.placed import DeliveryWish, ShortagePolicy, Source
from order_service.order.records import MoneyCaseKind, TrackingKind
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import REFUSALS, RefusalReason
from order_service.order.return_legs import Condition, Fate, LegKind, LegState
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)
from order_service.order.tasks import TASKS, TaskKind
from order_service.payment.methods import OF_PROVIDERS, methods_of
from order_service.payment.reconcile import DifferenceKind
from order_service.relay import metrics
from order_service.relay.metrics import (
    NEED_METRICS,
    ORDER_METRICS,
    TASK_METRICS,
    NeedMetric,
    RelayCounts,
    TaskMetric,
    order_metrics,
)
from order_service.settlement.statements import StatementState
from order_service.storage.needs import NEEDS
from server.config import Config as EngineConfig
from serving.metrics import CALL_METRICS, Metric
from serving.settings import name_of
from tests.order_service.relay.world import Watching
from tools.make_reference import REFERENCE

CONTRACT: Final = (
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

# Every enum of the contract, and the names that the code has for it. Two are told apart by the code
# without names of its own.
NAMES: Final[Mapping[str, Iterable[str]]] = {
    "Contract.Period": Period,
    "Case.State": CaseState,
    "CaseEvent": CaseEvent,
    "CaseKind": CaseKind,
    "CaseProposal.Answer": ProposalAnswer,
    "CaseReason": CaseReason,
    "CaseRole": CaseRole,
    "DeliveryWish": DeliveryWish,
    "DifferenceKind": DifferenceKind,
    "Incident.Kind": IncidentKind,
    "Incident.State": IncidentState,
    "Intercept.State": InterceptState,
    "RepairStep": RepairStep,
    "JudgedUnits.Condition": Condition,
    "JudgedUnits.Fate": Fate,
    "MoneyCaseKind": MoneyCaseKind,
    "Order.State": OrderState,
    "OrderOutcome": ["APPLIED", *RefusalReason],
    "OrderSource": Source,
    "Payment.State": PaymentState,
    "QuarantineResolution": ["APPROVE", "RETURN"],
    "RecordPayoutRequest.Result": ["SENT", "FAILED"],
    "Refund.State": RefundState,
    "RefundRow.What": RefundWhat,
    "ReturnLeg.Kind": LegKind,
    "ReturnLeg.State": LegState,
    "Resolution": {event for row in INCIDENTS.values() for event in row.allowed},
    "ReviewVerdict": ["APPROVE", "REFUSE"],
    "Shipment.State": ShipmentState,
    "ShortagePolicy": ShortagePolicy,
    "Statement.State": StatementState,
    "TrackingEvent.Kind": TrackingKind,
    "UnitsFound": ["THERE", "MISSING"],
}

DOCUMENTED: Final[Mapping[str, Iterable[str]]] = {
    "setting": [name_of(field) for field in Config.__struct_fields__],
    "outcome": RefusalReason,
    "metric": [
        *[row.name for row in (*CALL_METRICS, *ORDER_METRICS)],
        *[row.name for row in (*TASK_METRICS, *NEED_METRICS)],
    ],
    "need": [row.name for row in NEEDS],
    "task": TaskKind,
    "notice": Notice,
    "payment method": methods_of(OF_PROVIDERS),
    "incident": IncidentKind,
    "field of a carrier rule": CarrierRule.__struct_fields__,
    "field of a merchant": Merchant.__struct_fields__,
    "invariant": INVARIANTS,
}


def enums_of(holder: FileDescriptor | Descriptor) -> Iterable[EnumDescriptor]:
    """The enums of a file or message, those of its messages among them."""
    yield from holder.enum_types_by_name.values()
    inner = (
        holder.nested_types_by_name
        if isinstance(holder, Descriptor)
        else holder.message_types_by_name
    )
    message: Descriptor
    for message in inner.values():
        yield from enums_of(message)


ENUMS: Final = {
    enum.full_name.removeprefix(PACKAGE): enum
    for module in CONTRACT
    for enum in enums_of(module.DESCRIPTOR)
}


def test_every_enum_of_the_contract_has_names_in_the_code() -> None:
    assert set(ENUMS) == set(NAMES)


@pytest.mark.parametrize("enum", NAMES)
def test_the_contract_has_the_codes_names(enum: str) -> None:
    found = ENUMS[enum]
    in_contract = [enum_name(found, value.number) for value in found.values if value.number]
    assert sorted(in_contract) == sorted(NAMES[enum])
    assert found.values_by_number[0].name.endswith("_UNSPECIFIED")


def test_every_service_of_the_contract_is_served() -> None:
    services = {
        service.full_name
        for module in CONTRACT
        for service in module.DESCRIPTOR.services_by_name.values()
    }
    assert set(SERVICES) == services


def test_the_tables_are_total() -> None:
    assert set(REFUSALS) == set(RefusalReason)
    assert set(TASKS) == set(TaskKind)
    assert set(INCIDENTS) == set(IncidentKind)
    assert (
        {row.notice for row in NOTICES} | set(OF_RECORDS | OF_TIMERS) == set(Notice) == set(TEXTS)
    )
    assert all(set(words) == set(Language) for words in TEXTS.values())


@pytest.mark.parametrize("what", DOCUMENTED)
def test_everything_that_has_a_name_is_documented(what: str) -> None:
    text = REFERENCE.read_text(encoding="utf-8").partition("# The order service")[2]
    missing = [name for name in DOCUMENTED[what] if f"| `{name}` |" not in text]
    assert not missing, f"{what}: run `make docs`"


def test_a_setting_that_the_engines_server_has_as_well_is_the_same_there_if_unset() -> None:
    ours = {field.name: field.default for field in msgspec.structs.fields(Config)}
    theirs = {field.name: field.default for field in msgspec.structs.fields(EngineConfig)}
    shared = ours.keys() & theirs.keys()
    assert shared
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def test_what_is_served_to_prometheus_is_what_is_documented() -> None:
    registry = CollectorRegistry()
    order_metrics(registry, RelayCounts(), lambda: (), Watching(), lambda: 0, lambda: 0)
    served = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    assert served == set(DOCUMENTED["metric"])


def test_every_metric_that_is_defined_is_in_its_table() -> None:
    defined = [row for row in vars(metrics).values() if isinstance(row, Metric)]
    assert sorted(row.name for row in defined) == sorted(row.name for row in ORDER_METRICS)


def test_names_say_what_is_counted_and_in_which_unit() -> None:
    rows: tuple[Metric | TaskMetric | NeedMetric, ...]
    rows = (*ORDER_METRICS, *TASK_METRICS, *NEED_METRICS)
    for row in rows:
        assert row.name.startswith("holdfast_")
        assert row.name.endswith("_total") == (row.type == "counter")
        assert "_ms" not in row.name
        assert row.help.endswith(".")
