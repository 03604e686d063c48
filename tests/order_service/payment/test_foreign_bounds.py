"""Bounds hold for whatever providers and carriers say, before anything is done with it."""

import json
from typing import Any

import pytest

from order_service.fulfilment.carriers.port import (
    PLACE_LENGTH_MAX,
    CarrierEvent,
    CarrierUnreachable,
    Label,
    Quote,
)
from order_service.order.foreign import AT_MS_MAX, FOREIGN_MINOR_MAX, FOREIGN_NAME_LENGTH_MAX
from order_service.order.records import TrackingKind
from order_service.payment.providers.port import Callback, Fact, FactKind, ProviderUnreachable
from tests.order_service.payment.callbacks import callback_body, send
from tests.order_service.payment.world import World
from tests.order_service.samples import A

LONG = "x" * (FOREIGN_NAME_LENGTH_MAX + 1)


def fact(**values: Any) -> Fact:
    return Fact(FactKind.CAPTURED, **{"payment_id": f"{A}-p1", "currency": "GBP", **values})


def event(**values: Any) -> CarrierEvent:
    return CarrierEvent(
        **{"event_id": "e1", "kind": TrackingKind.HUB, "happened_at_ms": 1, **values}
    )


@pytest.mark.parametrize(
    "values",
    [
        {"amount_minor": -1},
        {"amount_minor": FOREIGN_MINOR_MAX + 1},
        {"amount_minor": 2**63},
        {"currency": "gbp"},
        {"currency": "GB\0"},
        {"payment_id": "a\0"},
        {"provider_ref": LONG},
        {"refund_id": "\ud800"},
    ],
)
def test_a_fact_beyond_its_bounds_is_no_sensible_answer(values: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnreachable):
        fact(**values)


def test_a_fact_at_its_bounds_is_a_fact() -> None:
    fact(amount_minor=FOREIGN_MINOR_MAX, provider_ref=LONG[1:], at_ms=AT_MS_MAX)
    fact(amount_minor=0, currency="")


@pytest.mark.parametrize("at_ms", [-1, AT_MS_MAX + 1, 2**63])
def test_money_counts_also_where_its_time_cannot_be(at_ms: int) -> None:
    assert fact(amount_minor=5, at_ms=at_ms).at_ms == 0


def test_a_callback_has_an_event_id_that_can_be_kept() -> None:
    with pytest.raises(ProviderUnreachable):
        Callback(LONG, None)


@pytest.mark.parametrize(
    "values",
    [
        {"amount_minor": 2**63},
        {"happened_at_ms": 2**63},
        {"happened_at_ms": -1},
        {"event_id": LONG},
        {"waybill": "a\0"},
        {"shipment_id": "\n"},
    ],
)
def test_a_carriers_event_beyond_its_bounds_is_no_sensible_answer(values: dict[str, Any]) -> None:
    with pytest.raises(CarrierUnreachable):
        event(**values)


def test_a_place_is_put_in_order_and_cut_and_its_event_counts() -> None:
    assert event(place="Ilford\0,\n  GB\u202e").place == "Ilford, GB"
    assert len(event(place="x" * 10**6).place) == PLACE_LENGTH_MAX


def test_waybills_and_offers_are_bounded() -> None:
    with pytest.raises(CarrierUnreachable):
        Label("a\0", 100, 1)
    with pytest.raises(CarrierUnreachable):
        Label("W1", 2**63, 1)
    with pytest.raises(CarrierUnreachable):
        Quote("c", "s", 100, "GBP", 2**63)


@pytest.mark.parametrize("amount_minor", [2**63, -1, 10**30])
async def test_a_signed_callback_that_cannot_be_kept_is_refused(
    world: World, amount_minor: int
) -> None:
    await world.place()
    await world.begin()
    body = json.loads(callback_body(world)) | {"amount_minor": amount_minor}
    assert await send(world, json.dumps(body).encode()) == 422
    assert (await world.order()).captured_minor == 0
