"""No list of an order grows at its callers' will: the refusal names the bound."""

from dataclasses import dataclass

import pytest
from msgspec import Struct

from holdfast.order.v1 import order_pb2 as pb
from order_service.order.bounds import BOUNDS, Bound, check_room
from order_service.order.model import Incident, Remark, Shipment
from order_service.order.refusals import RefusalReason, Refused
from order_service.storage import reads
from tests.order_service import samples
from tests.order_service.edge.conftest import Shop


def test_every_bound_has_a_name_of_its_own() -> None:
    assert len({bound.name for bound in BOUNDS.values()}) == len(BOUNDS)
    assert all(0 < bound.most < 1 << 15 for bound in BOUNDS.values())  # the numbers of parts


@pytest.mark.parametrize("struct", [Shipment, Incident])
def test_one_more_part_than_an_order_may_have_is_refused(struct: type[Struct]) -> None:
    order = samples.order()
    order.parts[struct] = [None] * (BOUNDS[struct].most - 1)
    check_room(order, struct)
    order.parts[struct].append(None)
    with pytest.raises(Refused, match=BOUNDS[struct].name) as refused:
        check_room(order, struct)
    assert refused.value.reason is RefusalReason.TOO_MANY


@dataclass
class Log:
    """The contact log of an order."""

    shop: Shop
    order_id: str

    async def add(self, remark_id: str) -> "pb.OrderOutcome.ValueType":
        """Adds a remark."""
        request = pb.AddRemarkRequest(
            order_id=self.order_id,
            remark_id=remark_id,
            author="buyer",
            channel="phone",
            text="ring twice",
        )
        answer = await self.shop.client.ask(request)
        if answer.outcome == pb.ORDER_OUTCOME_TOO_MANY:
            assert "remarks_max" in answer.detail
        outcome: pb.OrderOutcome.ValueType = answer.outcome
        return outcome


async def test_a_contact_log_is_bounded_and_what_is_in_it_is_still_answered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "BOUNDS", {Remark: Bound("remarks_max", "remarks", 2)})
    log = Log(shop, (await shop.placed()).order_id)
    outcomes = [await log.add(f"r-{number}") for number in range(3)]
    applied, full = pb.ORDER_OUTCOME_APPLIED, pb.ORDER_OUTCOME_TOO_MANY
    assert outcomes == [applied, applied, full]
    assert await log.add("r-0") == applied
    other = Log(shop, (await shop.placed(key="other")).order_id)
    assert await other.add("r-3") == applied
