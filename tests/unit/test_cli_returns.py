"""How people write what an inspection found."""

import pytest

from holdfast.cli.aftersales.returns import Group, group_in


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("1=2:as-sent:resellable", Group(1, 2, "AS_SENT", "RESELLABLE", "")),
        ("1=1:used:refurbish@5.00", Group(1, 1, "USED", "REFURBISH", "5.00")),
        ("2=1:missing", Group(2, 1, "MISSING", "", "")),
        ("2=2:used:repair#S1,S2", Group(2, 2, "USED", "REPAIR", "", ("S1", "S2"))),
    ],
)
def test_a_group_is_read(text: str, group: Group) -> None:
    assert group_in(text) == group


@pytest.mark.parametrize("text", ["", "1=1", "1=1:broken", "1=1:used:sold", "x=1:used", "1=²:used"])
def test_what_is_no_group_says_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="LINE=UNITS:CONDITION"):
        group_in(text)
