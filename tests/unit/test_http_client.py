"""The client of HTTP, against servers that are away, silent, slow or lying: real sockets."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from serving import http_client
from serving.http_client import ANSWER_BYTES_MAX, CONNECTIONS_MAX, HttpClient, Unanswered

SILENCE_S_MAX = 0.3
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LONG = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\nok"

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each request by `answering`; keeps what it was sent, and counts connections."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split()[0]) if length else 0)
                self.requests.append(head + body)
                await self.answering(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the test is over
        finally:
            writer.close()


@asynccontextmanager
async def serving(answering: Answering | bytes) -> AsyncIterator[Server]:
    """A server that answers so, or always the same bytes."""

    async def same(writer: asyncio.StreamWriter) -> None:
        assert isinstance(answering, bytes)
        writer.write(answering)

    server = Server(same if isinstance(answering, bytes) else answering)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


def client(base_url: str = "") -> "aclosing[HttpClient]":
    return aclosing(
        HttpClient(base_url, headers={"authorization": "Bearer key"}, silence_s_max=SILENCE_S_MAX)
    )


async def test_it_is_asked_over_connections_that_are_kept() -> None:
    async with serving(OK) as server, client(server.url) as http:
        answer = await http.send("POST", "/pay", json={"a": 1}, params={"cursor": "x y"})
        assert (answer.status, answer.body, answer.is_success) == (200, b"ok", True)
        assert answer.headers["Content-Length"] == "2"
        await http.send("PUT", "/pay", body=b"raw", headers={"webhook-id": "7"})
        assert server.connections == 1
        first, second = (request.decode() for request in server.requests)
        assert first.startswith("POST /pay?cursor=x+y HTTP/1.1\r\n")
        assert first.endswith('\r\n\r\n{"a":1}')
        assert "authorization: Bearer key\r\n" in first
        assert "webhook-id: 7\r\n" in second


async def test_a_redirect_is_an_answer_and_a_cookie_is_not_kept() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /b\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with serving(moved) as server, client(server.url) as http:
        for _ in range(2):
            answer = await http.send("GET", "/a")
            assert (answer.status, answer.is_success) == (302, False)
        assert len(server.requests) == 2
        assert b"cookie" not in server.requests[1].lower()


async def test_what_is_packed_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(2 * ANSWER_BYTES_MAX))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
    async with serving(head.encode() + packed) as server, client(server.url) as http:
        assert (await http.send("GET", "/")).body == packed


async def silent(writer: asyncio.StreamWriter) -> None:
    """Says nothing."""
    await asyncio.sleep(10)


async def trickles(writer: asyncio.StreamWriter) -> None:
    """Says a byte more often than silence is noticed."""
    writer.write(LONG)
    for _ in range(100):
        writer.write(b"o")
        await asyncio.sleep(SILENCE_S_MAX / 3)


async def begins(writer: asyncio.StreamWriter) -> None:
    """Hangs up in the middle."""
    writer.write(LONG)
    writer.close()


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    """Hangs up."""
    writer.close()


async def never_ends(writer: asyncio.StreamWriter) -> None:
    """Answers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    while not writer.is_closing():
        writer.write(bytes(1_024 * 1_024))
        await writer.drain()


async def never_comes_to_the_point(writer: asyncio.StreamWriter) -> None:
    """Sends headers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"a: b\r\n" * 10_000)
        await writer.drain()


@pytest.mark.parametrize(
    ("answering", "problem"),
    [
        (silent, "it did not answer in time"),
        (trickles, "it did not answer in time"),
        (hangs_up, "it hung up"),
        (begins, "its answer is not HTTP"),
        (never_ends, "its answer has more than 4,194,304 bytes"),
        (never_comes_to_the_point, "its answer is not HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n", "its answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "its answer is not HTTP"),
    ],
)
async def test_what_is_no_answer_is_told_within_bounds(
    answering: Answering | bytes, problem: str
) -> None:
    async with serving(answering) as server, client(server.url) as http:
        began_at_s = time.monotonic()
        with pytest.raises(Unanswered, match=f"^{problem}$"):
            await http.send("POST", "/", body=b"{}")
        assert time.monotonic() - began_at_s < 10
        assert len(server.requests) == 1, "who asks decides whether to ask again"


async def test_a_body_that_nobody_wants_is_not_waited_for() -> None:
    for answering in (trickles, begins, never_ends):
        async with serving(answering) as server, client(server.url) as http:
            answer = await http.send("POST", "/", body=b"{}", wants_body=False)
            assert (answer.status, answer.body) == (200, b"")


@pytest.fixture
def deaf() -> Iterator[str]:
    """A server that takes no connection, and one that refuses it."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        callers = [socket.socket() for _ in range(3)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
        for caller in callers:
            caller.close()


async def test_a_server_that_is_not_there_is_not_waited_for(deaf: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        nobody = bound.getsockname()[1]
        for url, problem in (
            (deaf, "no connection to it in time"),
            (f"http://127.0.0.1:{nobody}", "no connection to it"),
            ("http://no-such-name.invalid", "its name is not known"),
            ("http://:80:80", "its URL is none"),
        ):
            async with client(url) as http:
                with pytest.raises(Unanswered, match=f"^{problem}$"):
                    await http.send("GET", "/")


async def test_a_certificate_is_asked_for() -> None:
    async with serving(OK) as server, client(server.url.replace("http:", "https:")) as http:
        with pytest.raises(Unanswered, match=r"^no (secure )?connection to it"):
            await http.send("GET", "/")


async def test_a_server_that_hangs_holds_up_no_other() -> None:
    async with serving(silent) as hanging, serving(OK) as well, client() as http:
        waiting = [
            asyncio.ensure_future(http.send("GET", f"{hanging.url}/"))
            for _ in range(2 * CONNECTIONS_MAX)
        ]
        await asyncio.sleep(0)
        assert (await http.send("GET", f"{well.url}/")).body == b"ok"
        assert hanging.connections <= CONNECTIONS_MAX
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {str(result) for result in results} == {"it did not answer in time"}


async def test_a_proxy_of_the_environment_is_used_but_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    http_client._proxy_to.cache_clear()
    async with serving(OK) as proxy, serving(OK) as server, client() as http:
        monkeypatch.setenv("http_proxy", proxy.url)
        await http.send("GET", "http://shop.example/hook")
        assert proxy.requests[0].startswith(b"GET http://shop.example/hook HTTP/1.1\r\n")
        await http.send("GET", f"{server.url}/")
        assert (len(proxy.requests), len(server.requests)) == (1, 1)
    http_client._proxy_to.cache_clear()
