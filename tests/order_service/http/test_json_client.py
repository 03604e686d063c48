from typing import Any

import msgspec
import pytest

from order_service.http.json_client import JsonClient
from serving.http_client import Answer, HttpClient, Unanswered


class Silent(Exception):
    """The server did not answer sensibly."""


class Unwilling(Exception):
    """The server has judged."""


class Parcel(msgspec.Struct):
    """An answer."""

    weight_g: int


class Problem(msgspec.Struct):
    """The body of a refusal."""

    code: str


class Http(HttpClient):
    """A server that answers the same to all; status 0: it does not answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(silence_s_max=1.0)
        self.answer = Answer(status, {}, body.encode())

    async def send(self, verb: str, url: str, **_content: Any) -> Answer:
        if self.answer.status == 0:
            raise Unanswered("it hung up")
        return self.answer


def client(status: int, body: str = "") -> JsonClient:
    return JsonClient(
        Http(status, body),
        Silent,
        {409: lambda body: Unwilling(msgspec.json.decode(body, type=Problem).code)},
    )


async def test_an_answer_is_read_as_its_type() -> None:
    server = client(200, '{"weight_g":7}')
    assert await server.ask(Parcel, "GET", "/parcels/1") == Parcel(7)
    assert await server.find(Parcel, "GET", "/parcels/1") == Parcel(7)
    await server.aclose()


async def test_a_thing_that_is_not_known_is_none_where_it_may_be_missing() -> None:
    server = client(404)
    assert await server.find(Parcel, "GET", "/parcels/1") is None
    assert await server.send("DELETE", "/parcels/1") is None
    with pytest.raises(Silent, match="status 404"):
        await server.ask(Parcel, "GET", "/parcels/1")


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (409, '{"code":"TOO_HEAVY"}', Unwilling, "TOO_HEAVY"),
        (409, "<html>", Silent, "its answer cannot be read"),
        (200, "<html>", Silent, "its answer cannot be read"),
        (200, '{"weight_g":"7"}', Silent, "its answer cannot be read"),
        (500, '{"weight_g":7}', Silent, "status 500"),
        (302, "", Silent, "status 302"),
        (0, "", Silent, "it hung up"),
    ],
)
async def test_other_answers_are_errors(
    status: int, body: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=f"^{text}$"):
        await client(status, body).ask(Parcel, "GET", "/parcels/1")
