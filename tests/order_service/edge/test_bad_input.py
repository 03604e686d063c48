"""Requests of every method at and beyond each bound, over the raw wire, on both databases.

What breaks a bound is INVALID_ARGUMENT with one ErrorInfo that names the field, and changes
nothing; what breaks none is judged. Which fields there are is read from the contract.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import catalogue_pb2, fulfilment_pb2, order_pb2
from holdfast.orders import OrderClient
from tests.garbage import noise, send, undecodable_by
from tests.http import Http
from tests.order_service.conftest import KINDS, emptied
from tests.order_service.edge.bounds import (
    BY_FIELD,
    BY_NAME,
    METHODS,
    MILLION,
    TIME_MS_MAX,
    TRILLION,
    Leaf,
    extremes_of,
    leaves_of,
)
from tests.order_service.edge.sound_requests import Parts, sound_requests
from tests.order_service.faults.shop import SKU, Walk, open_shop
from tests.order_service.processes import World, world
from tests.serving import contract_error
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS: Final = {method.input_type.name: path for path, method in METHODS.items()}
LEAVES: Final = {
    method.input_type.name: list(leaves_of(method.input_type)) for method in METHODS.values()
}
# Refusals that a request may meet although it breaks no bound.
JUDGED: Final = frozenset({Reason.ORDER_NOT_FOUND, Reason.TASK_NOT_FOUND, Reason.TASK_NOT_DEAD})
MIXTURES: Final = range(12)
SEEDS: Final = range(40)
AT_A_TIME: Final = 16
MESSAGE_BYTES_MAX: Final = 4_194_304
NOBODY: Final = "0" * 19


class Edge:
    """Sends requests for a tenant, and holds each error against the contract."""

    def __init__(self, channel: grpc.aio.Channel, tenant: str) -> None:
        self.channel = channel
        self.tenant = tenant
        self._at_a_time = asyncio.Semaphore(AT_A_TIME)

    async def ask(self, request: Any, tenant: str = "") -> Any:
        """The answer to a request, or its HoldfastError; its tenant is ours if it has none."""
        path = PATHS[request.DESCRIPTOR.name]
        sent = type(request)()
        sent.CopyFrom(request)
        if "tenant" in request.DESCRIPTOR.fields_by_name:
            sent.tenant = sent.tenant or tenant or self.tenant
        try:
            async with self._at_a_time:
                if METHODS[path].server_streaming:
                    call = self.channel.unary_stream(path)(
                        sent.SerializeToString(), timeout=PATIENCE_S
                    )
                    return b"".join([part async for part in call])
                return await self.channel.unary_unary(path)(
                    sent.SerializeToString(), timeout=PATIENCE_S
                )
        except grpc.aio.AioRpcError as error:
            return contract_error(error)

    async def ask_all(self, requests: Iterable[Any]) -> list[Any]:
        """Asks several requests at a time."""
        return await asyncio.gather(*[self.ask(request) for request in requests])


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """An order service in a process of its own, with an engine and a sandbox."""
    settings = {}
    if request.param == "postgres":
        settings["HOLDFAST_DATABASE_URL"] = request.getfixturevalue("postgres_url")
        await emptied(settings["HOLDFAST_DATABASE_URL"])
    directory: Path = tmp_path_factory.mktemp("bad-input")
    with world(directory, **settings) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(served: World) -> AsyncIterator[Edge]:
    """A connection to it, and a shop of the module's own. Nothing was an internal error."""
    async with grpc.aio.insecure_channel(served.orders.target) as channel:
        yield Edge(channel, f"t-{uuid.uuid4().hex[:12]}")
    assert not served.orders.logged("internal error")
    assert served.orders.process.poll() is None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts(served: World, edge: Edge) -> Parts:
    """An order with a payment, a parcel that has left, and an incident."""

    async def post(body: bytes, headers: dict[str, str]) -> int:
        async with Http(base_url=served.orders.callbacks_url) as http:
            answer = await http.post("/callbacks/sandbox", content=body, headers=headers)
            return answer.status_code

    async with (
        Client(served.engine.target, tenant=edge.tenant) as engine,
        OrderClient(served.orders.target, tenant=edge.tenant) as client,
    ):
        await engine.set_stock(SKU, 1_000_000)
        await open_shop(client)
        walk = Walk(uuid.uuid4().hex, served.sandbox.url, lambda: client, post)
        for step in walk.steps()[:-2]:
            await walk.do(step, lambda: asyncio.sleep(0))
        parts = Parts(walk.order_id)
        late = fulfilment_pb2.ReportIncidentRequest(
            shipment_id=parts.of("s"), kind=fulfilment_pb2.Incident.DELAY
        )
        assert (await client.ask(late)).outcome == order_pb2.ORDER_OUTCOME_APPLIED
        return parts


def wrong_refusal(answer: Any, field: str) -> str:
    """The fault of an answer that should refuse a field; "" for none."""
    if not isinstance(answer, HoldfastError):
        return "taken"
    kind = (answer.code, answer.reason, sorted(answer.metadata), answer.metadata.get("field"))
    wanted = (grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_FIELD)
    return "" if kind == (*wanted, ["field", "problem", "value"], field) else repr(answer)


def wrong_judgement(answer: Any, *also: Reason) -> str:
    """The fault of an answer to a request that breaks no bound; "" for none."""
    judged = not isinstance(answer, HoldfastError) or answer.reason in (*JUDGED, *also)
    return "" if judged else repr(answer)


async def test_every_field_of_the_contract_has_a_bound_and_every_bound_a_field() -> None:
    leaves = [leaf for leaves in LEAVES.values() for leaf in leaves]
    unsaid = {leaf.key for leaf in leaves if not leaf.is_message and leaf.bound() is None}
    assert not unsaid, "tests/order_service/edge/bounds.py says nothing of them"
    assert set(BY_FIELD) <= {leaf.key for leaf in leaves}
    assert set(BY_NAME) <= {leaf.field.name for leaf in leaves}
    assert set(sound_requests(Parts(NOBODY))) == set(PATHS)


async def test_a_field_beyond_its_bound_is_refused_by_name_and_changes_nothing(
    edge: Edge, parts: Parts
) -> None:
    read = order_pb2.GetOrderRequest(order_id=parts.order_id)
    before = await edge.ask(read)
    wrong: list[tuple[str, str, Any, str]] = []
    for name, request in sound_requests(parts).items():
        for leaf, value in cases_of(name, "beyond"):
            problem = wrong_refusal(await edge.ask(leaf.put(request, value)), leaf.name)
            if problem:
                wrong.append((name, leaf.name, value, problem))
    assert not wrong, "\n".join(f"{each!r:.300}" for each in wrong)
    assert await edge.ask(read) == before


async def test_a_field_within_its_bound_is_judged(edge: Edge, parts: Parts) -> None:
    wrong: list[tuple[str, str, Any, str]] = []
    for name, request in sound_requests(parts).items():
        for leaf, value in cases_of(name, "within"):
            problem = wrong_judgement(await edge.ask(leaf.put(request, value)))
            if problem:
                wrong.append((name, leaf.name, value, problem))
    assert not wrong, "\n".join(f"{each!r:.300}" for each in wrong)


def cases_of(name: str, side: str) -> Iterator[tuple[Leaf, Any]]:
    """The values of each field of a request that are `beyond` its bound, or `within`."""
    for leaf in LEAVES[name]:
        bound = leaf.bound()
        yield from ((leaf, value) for value in (getattr(bound, side) if bound else ()))


async def test_a_message_that_is_left_out_is_judged_or_named(edge: Edge, parts: Parts) -> None:
    for name, request in sound_requests(parts).items():
        for leaf in LEAVES[name]:
            if leaf.is_message:
                lacking = type(request)()
                lacking.CopyFrom(request)
                lacking.ClearField(leaf.field.name)
                answer = await edge.ask(lacking)
                if isinstance(answer, HoldfastError):
                    assert answer.reason is Reason.INVALID_FIELD, (name, leaf.name, answer)
                    assert answer.metadata["field"].startswith(leaf.name)


# The field that the answer names, the request, and the change that breaks its bound.
TOGETHER: Final[list[tuple[str, str, Callable[[Any], object]]]] = [
    ("articles[1]", "PutArticlesRequest", lambda it: it.articles.append(it.articles[0])),
    ("warehouses[1]", "PutWarehousesRequest", lambda it: it.warehouses.append(it.warehouses[0])),
    ("places[1]", "PutPlacesRequest", lambda it: it.places.append(it.places[0])),
    (
        "articles[0].temperature_max_millicelsius",
        "PutArticlesRequest",
        lambda it: setattr(it.articles[0], "temperature_min_millicelsius", 8_001),
    ),
    (
        "warehouses[0].latitude",
        "PutWarehousesRequest",
        lambda it: it.warehouses[0].ClearField("longitude"),
    ),
    (
        "places[0].region",
        "PutPlacesRequest",
        lambda it: it.places[0].MergeFrom(catalogue_pb2.Place(postcode_prefix="S", region="Kent")),
    ),
    (
        "lines[1].quantity",
        "PlaceOrderRequest",
        lambda it: it.lines.append(
            order_pb2.PlaceOrderLine(sku=it.lines[0].sku, quantity=MILLION, unit_price_minor=1)
        ),
    ),
    (
        "lines",
        "PlaceOrderRequest",
        lambda it: it.lines[0].MergeFrom(
            order_pb2.PlaceOrderLine(quantity=MILLION, unit_price_minor=TRILLION)
        ),
    ),
    (
        "event.amount_minor",
        "RecordTrackingRequest",
        lambda it: setattr(it.event, "kind", fulfilment_pb2.TrackingEvent.SIGNED),
    ),
    (
        "lines",
        "ReportIncidentRequest",
        lambda it: setattr(it, "kind", fulfilment_pb2.Incident.LOSS),
    ),
    (
        "with_shipment_ids[1]",
        "ConfirmPackingRequest",
        lambda it: it.with_shipment_ids.extend(["a", "a b"]),
    ),
    ("task_ids[1]", "ReplayTasksRequest", lambda it: it.task_ids.extend(["a", "a b"])),
]


@pytest.mark.parametrize(
    ("field", "name", "change"), TOGETHER, ids=[f"{field} of {name}" for field, name, _ in TOGETHER]
)
async def test_what_does_not_go_together_is_refused_by_name(
    edge: Edge, field: str, name: str, change: Callable[[Any], object]
) -> None:
    request = sound_requests(Parts(NOBODY))[name]
    change(request)
    assert wrong_refusal(await edge.ask(request), field) == ""


async def test_an_order_of_two_hundred_lines_is_judged(edge: Edge) -> None:
    request = sound_requests(Parts(NOBODY))["PlaceOrderRequest"]
    line = request.lines[0]
    del request.lines[:]
    for number in range(200):
        request.lines.append(line)
        request.lines[-1].sku = f"S{number}"
    request.amounts.goods_minor = request.amounts.total_minor = 200 * line.unit_price_minor
    answer = order_pb2.OrderResult.FromString(await edge.ask(request))
    assert answer.outcome == order_pb2.ORDER_OUTCOME_UNKNOWN_ARTICLE


async def test_times_that_no_id_can_have_bound_a_list_all_the_same(
    edge: Edge, parts: Parts
) -> None:
    for field, found in (("placed_before_at_ms", True), ("placed_from_at_ms", False)):
        for at_ms in (2**45, 2**46, TIME_MS_MAX):
            asked = order_pb2.ListOrdersRequest()
            setattr(asked, field, at_ms)
            page = order_pb2.ListOrdersResponse.FromString(await edge.ask(asked))
            assert (parts.order_id in [order.order_id for order in page.orders]) is found


async def test_nothing_that_a_field_can_hold_is_an_internal_error(edge: Edge, parts: Parts) -> None:
    for name, request in sound_requests(parts).items():
        cases = [(leaf, value) for leaf in LEAVES[name] for value in extremes_of(leaf.field)]
        answers = await edge.ask_all([leaf.put(request, value) for leaf, value in cases])
        for (leaf, value), answer in zip(cases, answers, strict=True):
            assert not wrong_judgement(answer, Reason.INVALID_FIELD), (leaf.name, value)


async def test_no_mixture_of_what_fields_can_hold_is_an_internal_error(
    edge: Edge, parts: Parts
) -> None:
    dice = random.Random(1)
    for name, request in sound_requests(parts).items():
        mixtures = [mixture(dice, name, request) for _ in MIXTURES]
        for mixed, answer in zip(mixtures, await edge.ask_all(mixtures), strict=True):
            assert not wrong_judgement(answer, Reason.INVALID_FIELD), mixed


def mixture(dice: random.Random, name: str, request: Any) -> Any:
    """The request with half of its fields within their bounds or extreme."""
    # Of a list that may be emptied its fields come first.
    for leaf in reversed(LEAVES[name]):
        bound = leaf.bound()
        within = bound.within if bound else ()
        values = dice.choice([within, tuple(extremes_of(leaf.field))])
        if values and dice.random() < 0.5:
            mixed = leaf.put(request, dice.choice(values))
            # gRPC refuses a larger message before we see it.
            request = mixed if mixed.ByteSize() <= MESSAGE_BYTES_MAX else request
    return request


async def test_what_is_another_shops_does_not_exist(edge: Edge, parts: Parts) -> None:
    order_id = parts.order_id.encode()
    read = order_pb2.GetOrderRequest(order_id=parts.order_id)
    before = await edge.ask(read)
    asked = 0
    for name, request in sound_requests(parts).items():
        if order_id in request.SerializeToString():
            theirs = await edge.ask(request, "another-shop")
            nobodys = await edge.ask(sound_requests(Parts(NOBODY))[name], "another-shop")
            assert as_bytes(theirs).replace(order_id, NOBODY.encode()) == as_bytes(nobodys), name
            asked += 1
    assert asked > 20
    assert await edge.ask(read) == before


def as_bytes(answer: Any) -> bytes:
    return repr(answer).encode() if isinstance(answer, HoldfastError) else answer


async def test_lists_of_another_shop_have_nothing_of_ours(edge: Edge, parts: Parts) -> None:
    for request in sound_requests(parts).values():
        if "page_token" in request.DESCRIPTOR.fields_by_name:
            answer = await edge.ask(request, "another-shop")
            assert isinstance(answer, HoldfastError) or parts.order_id.encode() not in answer


@pytest.mark.parametrize("path", METHODS)
async def test_bytes_that_are_no_message_are_an_invalid_argument(edge: Edge, path: str) -> None:
    for body in undecodable_by(METHODS[path]):
        error = await send(edge.channel, path, METHODS[path], body)
        assert error is not None, body
        assert wrong_refusal(contract_error(error), "request") == ""


async def test_noise_is_never_an_internal_error(edge: Edge) -> None:
    for path, method in METHODS.items():
        for seed in SEEDS:
            error = await send(edge.channel, path, method, noise(seed))
            if error is not None:
                assert not wrong_judgement(contract_error(error), Reason.INVALID_FIELD), (
                    path,
                    seed,
                )
