"""The cells of a statement that the command line exports."""

import pytest

from holdfast.cli.settlement.statements import cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "EARNED", "3766675650304359940", "m1/CNY/1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert cell(text) == text
