r"""Digits are those of ASCII: \d and isdigit take all scripts', which int() and labels do not mean.

`order_service/order/text.py` puts digits of people in order. Everything behind it says [0-9].
"""

import re
from typing import Final

from tests.tidy.sources import ROOT, python_files

_OF_EVERY_SCRIPT: Final = re.compile(r"\\d|\.isdigit\(|\.isdecimal\(|\.isnumeric\(")
_ROOMS: Final = ("order_service/", "holdfast/", "serving/")
_MEANT: Final = frozenset(
    {
        "order_service/order/text.py",  # puts them in order
        "order_service/order/contradictions.py",  # a street's number may be 一
    }
)


def test_no_check_takes_digits_of_every_script() -> None:
    found = [
        f"{path}:{number}"
        for path in python_files()
        if str(path).startswith(_ROOMS)
        and "migrations" not in str(path)
        and str(path) not in _MEANT
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if _OF_EVERY_SCRIPT.search(line) and "isascii()" not in line
    ]
    assert found == []
