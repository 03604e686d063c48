"""The parts of an order in their tables: the order's id, and a number that counts from 1.

Everybody else knows them by ids such as `<order id>-p1`, which say the same (`Draft.next_part_id`).
"""

from sqlalchemy import Column, ColumnElement, and_, tuple_

from order_service.order.draft import order_id_of

_NUMBER_MAX = (1 << 15) - 1


def part_no(part_id: str) -> int:
    """The number of a part; 0 for "", -1 for what is no part's id."""
    if not part_id:
        return 0
    digits = part_id.rpartition("-")[2][1:]
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 5 else -1
    return number if number <= _NUMBER_MAX else -1


def part_id(order_id: str, letter: str, number: int) -> str:
    """The id of a part, "" for the number 0. Its letter is the first of what it is."""
    return f"{order_id}-{letter}{number}" if number else ""


def is_part(order_id: "Column[str]", number: "Column[int]", named: str) -> ColumnElement[bool]:
    """Whether two columns name a part."""
    return and_(order_id == order_id_of(named), number == part_no(named))


def is_after_part(
    order_id: "Column[str]", number: "Column[int]", named: str
) -> ColumnElement[bool]:
    """Whether two columns name a part that comes after one, or any if that is "".

    Parts are in the order of their orders' ids and of their numbers.
    """
    return tuple_(order_id, number) > (order_id_of(named), part_no(named))
