"""The requests of the order service's benchmarks, and how they are sent."""

import asyncio

import pytest

from benchmarks.orders.database import beside
from benchmarks.orders.load import Payment, signed_callbacks
from benchmarks.orders.loads import ORDERS_SET, SKUS, OrdersLoad, order_request
from benchmarks.orders.posting import post_all, request_of
from benchmarks.targets import TARGETS
from order_service.edge import wire
from order_service.payment.methods import methods_of
from order_service.payment.providers.port import Callback, FactKind
from order_service.payment.providers.sandbox import SandboxProvider
from order_service.placing.validation import check_sums, checked_fields
from order_service.sandbox.__main__ import SECRET

NOW_S = 1_790_000_000
LOAD = OrdersLoad(orders=3, tenant="t", prefix="p.0")


def test_every_order_is_valid_and_has_a_key_and_a_buyer_of_its_own() -> None:
    requests = [order_request(LOAD, number) for number in range(3)]
    for request in requests:
        wanted = wire.place_order(request)
        checked_fields(wanted, methods_of(["sandbox"]))
        check_sums(wanted.lines, wanted.amounts)
    assert len({request.order_key for request in requests}) == 3
    assert len({request.buyer_id for request in requests}) == 3
    assert {request.lines[0].sku for request in requests} <= {f"SKU-{n}" for n in range(SKUS)}


def test_what_a_step_keeps_the_next_one_finds(tmp_path: object) -> None:
    load = OrdersLoad(orders=1, file=f"{tmp_path}/kept")
    load.save(["one", "two"])
    assert load.saved() == ["one", "two"]


async def test_callbacks_are_signed_as_the_provider_signs_them() -> None:
    payments = [Payment("ORDER1-p1", "sbx_1", 1_650), Payment("ORDER2-p1", "sbx_2", 1_650)]
    provider = SandboxProvider("http://127.0.0.1:1", "key", [SECRET])
    seen: list[Callback] = []
    for request in signed_callbacks("http://127.0.0.1:2/callbacks/sandbox", payments, NOW_S):
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /callbacks/sandbox HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert int(headers["content-length"]) == len(body)
        seen.append(provider.verify_callback(body, headers, NOW_S))
    await provider.aclose()
    assert len({callback.event_id for callback in seen}) == 2
    facts = [callback.fact for callback in seen if callback.fact]
    assert [fact.payment_id for fact in facts] == ["ORDER1-p1", "ORDER2-p1"]
    assert {(fact.kind, fact.amount_minor) for fact in facts} == {(FactKind.CAPTURED, 1_650)}


async def _answering(status: str, closes: bool) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if closes:
                break
            for part in (f"HTTP/1.1 {status} X\r\ncontent-length: 4\r\n\r\n", "do", "ne"):
                writer.write(part.encode())
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


async def test_every_request_is_posted_once_and_its_answer_counted() -> None:
    server = await _answering("200", closes=False)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        requests = [request_of(url, {"n": str(number)}, b"body") for number in range(50)]
        measured = await post_all(url, requests, open_calls=8)
    assert measured.answers == [b"200"] * 50
    assert len(measured.latencies_s) == 50


async def test_a_connection_that_breaks_is_an_error() -> None:
    server = await _answering("200", closes=True)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        with pytest.raises(ConnectionError):
            await post_all(url, [request_of(url, {}, b"body")] * 4, open_calls=2)


def test_another_database_is_on_the_same_server() -> None:
    assert beside("postgresql://me:@/postgres?host=/tmp/x", "orders") == (
        "postgresql://me:@/orders?host=/tmp/x"
    )
    assert beside("postgresql://me@h:1/postgres", "orders") == "postgresql://me@h:1/orders"


def test_every_benchmark_of_orders_has_something_to_reach() -> None:
    wanted = {target.of for target in TARGETS if target.of.startswith("orders_")}
    assert wanted == {benchmark.name for benchmark in ORDERS_SET}
