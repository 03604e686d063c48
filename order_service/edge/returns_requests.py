"""Checks the fields of requests about returns, and makes values of them."""

import re
from collections.abc import Sequence
from typing import Final

from holdfast.messages import members_of
from holdfast.order.v1 import returns_pb2 as pb
from order_service.order.fields import (
    QUANTITY_MAX,
    check_id,
    check_money,
    check_name,
    check_whole,
    shown,
)
from order_service.order.refusals import InvalidField
from order_service.order.return_legs import Condition, Fate, Judged

GROUPS_MAX: Final = 1_000
LINE_NO_MAX: Final = 32_767
PICTURES_MAX: Final = 9
SERIALS_MAX: Final = 1_000
_is_digest = re.compile("[0-9a-f]{64}").fullmatch
_CONDITIONS: Final = members_of(pb.JudgedUnits.Condition.DESCRIPTOR, Condition)
_FATES: Final = members_of(pb.JudgedUnits.Fate.DESCRIPTOR, Fate)


def groups_of(request: pb.InspectReturnRequest) -> list[Judged]:
    """The judgement of a return's units, group by group. Raises InvalidField."""
    check_whole("groups", len(request.groups), 1, GROUPS_MAX)
    return [_group_of(f"groups[{at}]", group) for at, group in enumerate(request.groups)]


def _group_of(field: str, group: pb.JudgedUnits) -> Judged:
    check_whole(f"{field}.line_no", group.line_no, 1, LINE_NO_MAX)
    check_whole(f"{field}.quantity", group.quantity, 1, QUANTITY_MAX)
    check_money(f"{field}.deduction_minor", group.deduction_minor)
    if group.sku:
        check_name(f"{field}.sku", group.sku)
    if group.shipment_id:
        check_id(f"{field}.shipment_id", group.shipment_id)
    if group.condition not in _CONDITIONS:
        names = ", ".join(Condition)
        raise InvalidField(f"{field}.condition", f"must be one of {names}", group.condition)
    if group.fate and group.fate not in _FATES:
        names = ", ".join(Fate)
        raise InvalidField(f"{field}.fate", f"must be one of {names}", group.fate)
    check_whole(f"{field}.pictures", len(group.pictures), 0, PICTURES_MAX)
    check_serials(f"{field}.serials", group.serials)
    for name in group.pictures:
        if not _is_digest(name):
            problem = "must be the SHA-256 of files, each as 64 digits of 0-9 a-f"
            raise InvalidField(f"{field}.pictures", problem, shown(name))
    return Judged(
        line_no=group.line_no,
        sku=group.sku,
        quantity=group.quantity,
        shipment_id=group.shipment_id,
        condition=_CONDITIONS[group.condition],
        accepted=group.accepted,
        fate=_FATES.get(group.fate),
        deduction_minor=group.deduction_minor,
        pictures=tuple(group.pictures),
        serials=tuple(group.serials),
    )


def check_serials(field: str, serials: Sequence[str]) -> None:
    """Raises InvalidField for more than 1,000 serial numbers, or for one that is none."""
    check_whole(field, len(serials), 0, SERIALS_MAX)
    for serial in serials:
        check_name(field, serial)
