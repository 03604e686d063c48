"""How a sale is closed: the last call for what came back, and the comparison of all books.

Buyers who were refused while units were reserved by others have gone when those units come back.
The last call offers them again, one by one, to as many buyers as were refused: whatever the engine
calls available must be sold as long as somebody wants it, and nothing beyond that.
"""

import time
from collections.abc import Iterator, Sequence

from benchmarks.flash_sale.books import Books, contradictions, unequal_sums
from benchmarks.flash_sale.gate import Closing, SkuCount
from benchmarks.flash_sale.sale import Sale
from holdfast.commands import Command, Confirm, Reserve
from holdfast.sync_client import SyncClient
from holdfast.types import Line, State

BACK_ON_SALE_S_MAX = 2.0
"""A unit must be on sale again this long after its deadline; the contract says a second."""
POLL_S = 0.1
ORDERS_A_CALL = 500


def close(client: SyncClient, sale: Sale, books: Books) -> Closing:
    """Closes a sale that nobody is in any more. Raises HoldfastError."""
    before = _when_no_reservation_is_live(client, sale)
    wanted = {count.sku: count.sold + books.refused_units[count.sku] for count in before}
    _call_last_buyers(client, sale, books, wanted)
    found = {
        reservation.reservation_id: reservation
        for reservation in client.list_reservations(tenant=sale.tenant)
        if reservation.reservation_id.startswith(sale.run)
    }
    states = {reservation_id: reservation.state for reservation_id, reservation in found.items()}
    after = count_units(client, sale)
    wrong = (*contradictions(books.answered, states), *unequal_sums(after, found.values()))
    return Closing(after, wanted, wrong, books.beyond_limit)


def count_units(client: SyncClient, sale: Sale) -> list[SkuCount]:
    """The units of each article, as the engine has them now. Raises HoldfastError."""
    return [
        SkuCount(level.sku, sale.stock, level.confirmed, level.reserved, level.available)
        for level in client.get_stock(*sale.skus, tenant=sale.tenant)
    ]


def _when_no_reservation_is_live(client: SyncClient, sale: Sale) -> list[SkuCount]:
    """Waits for the last deadline; what stays reserved after it is left for the gate to see."""
    give_up_at_s = time.monotonic() + sale.ttl_s + BACK_ON_SALE_S_MAX
    while True:
        counts = count_units(client, sale)
        if not any(count.reserved for count in counts) or time.monotonic() > give_up_at_s:
            return counts
        time.sleep(POLL_S)


def _call_last_buyers(client: SyncClient, sale: Sale, books: Books, wanted: dict[str, int]) -> None:
    """Offers what is available to those who were refused, until it is gone or all have it."""
    give_up_at_s = time.monotonic() + BACK_ON_SALE_S_MAX
    round_number = 0
    while time.monotonic() < give_up_at_s:
        orders = last_orders(count_units(client, sale), wanted, f"{sale.run}-last-{round_number}")
        if not orders:
            return
        for start in range(0, len(orders), ORDERS_A_CALL):
            _sell(client, sale, books, orders[start : start + ORDERS_A_CALL])
        round_number += 1
        time.sleep(POLL_S)


def last_orders(
    counts: Sequence[SkuCount], wanted: dict[str, int], prefix: str
) -> list[tuple[str, str]]:
    """An id and an article for each unit that is available and that somebody still wants."""

    def units() -> Iterator[str]:
        for count in counts:
            yield from [count.sku] * min(count.available, wanted[count.sku] - count.sold)

    return [(f"{prefix}-{number}", sku) for number, sku in enumerate(units())]


def _sell(client: SyncClient, sale: Sale, books: Books, orders: list[tuple[str, str]]) -> None:
    commands: list[Command] = []
    for order_id, sku in orders:
        commands += [
            Reserve(order_id, (Line(sku, 1),), sale.ttl_ms, order_id, sale.tenant),
            Confirm(order_id, False, sale.tenant),
        ]
    results = client.apply(commands)
    for (order_id, _), result in zip(orders, results[1::2], strict=True):
        if result.state is not State.UNSPECIFIED:
            books.answered[order_id] = result.state
