"""Strangers cost little: silent connections, lines in the log, open ports, secrets."""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import which
from threading import Thread
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog import DropEvent

from order_service.config import Config, from_environment
from order_service.http.callbacks import callback_route
from order_service.server import CallbackServer
from serving import http_server, metrics
from serving.http_client import Unanswered
from serving.logs import ALL_MAX, SAME_MAX, WINDOW_S, Bounded
from serving.loop import Loop
from serving.open_ports import is_open, warn_if_open
from serving.settings import ConfigError
from tests.http import Http

HALF = (
    b"POST /callbacks/pay HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    b"POST /callbacks/pay HTTP/1.1\r\nHost: x\r\nX-A: ",
    b"",
)


async def take(_name: str, _body: bytes) -> None:
    """Takes a callback."""


CALLBACKS = Starlette(
    routes=[
        callback_route(
            "/callbacks/{name}",
            "provider",
            {"pay": "pay"},
            lambda _: lambda body, _headers, _now_s: body,
            take,
            lambda: 0.0,
        )
    ]
)


@contextmanager
def half_sent(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connections on which a request does not come to its end."""
    with ExitStack() as held:
        callers = []
        for number in range(count):
            caller = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            caller.sendall(HALF[number % len(HALF)])
            caller.setblocking(False)
            callers.append(caller)
        yield callers


async def until_ended(callers: list[socket.socket]) -> None:
    """Waits until the server has hung up on all."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        for caller in callers:
            with suppress(ConnectionError):
                while await loop.sock_recv(caller, 4_096):
                    pass


async def test_half_a_request_is_given_up_and_whole_ones_are_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http_server, "READ_S_MAX", 0.3)
    monkeypatch.setattr(http_server, "WAITING_MAX", 6)
    callbacks = CallbackServer(CALLBACKS, Config(callbacks_listen="127.0.0.1:0"))
    await callbacks.begin()
    port = int(callbacks.url.rpartition(":")[2])
    with half_sent(port, 20) as held:
        async with Http() as http:
            for _ in range(2):
                answer = await http.post(f"{callbacks.url}/callbacks/pay", content=b"x")
                assert answer.status_code == 200
        await until_ended(held)
    await callbacks.end()
    assert caplog.records == [], "whoever hangs up is no error"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key, and a certificate for it that nobody has signed."""
    if not (openssl := which("openssl")):
        pytest.skip("there is no openssl to make a certificate with")
    made = tmp_path_factory.mktemp("tls") / "own.pem"
    words = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost"
    command = [openssl, *words.split(), "-keyout", str(made), "-out", str(made) + ".crt"]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + Path(f"{made}.crt").read_text())
    return made


@contextmanager
def silent(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Callers that connect, and say nothing."""
    with ExitStack() as open_sockets:
        callers = []
        for _ in range(count):
            caller = open_sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            caller.setblocking(False)
            callers.append(caller)
        yield callers


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, Loop], ids=["asyncio", "ours"])
def test_who_does_not_encrypt_is_given_up_and_who_does_is_answered(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    certificate: Path,
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    monkeypatch.setattr(http_server, "READ_S_MAX", 0.5)
    monkeypatch.setattr(http_server, "WAITING_MAX", 6)

    async def main() -> None:
        config = Config(
            callbacks_listen="127.0.0.1:0",
            callbacks_tls_certificate=str(certificate),
            callbacks_tls_key=str(certificate),
        )
        callbacks = CallbackServer(CALLBACKS, config)
        await callbacks.begin()
        port = int(callbacks.url.rpartition(":")[2])
        with silent(port, 20) as held, half_sent(port, 5) as in_plain_text:
            url = f"{callbacks.url}/callbacks/pay"
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as anyone:
                for _ in range(2):
                    async with anyone.post(url, data=b"x") as answer:
                        assert answer.status == 200
            async with Http() as ours:
                with pytest.raises(Unanswered, match="no secure connection"):
                    await ours.post(url, content=b"x")  # nobody vouches for the certificate
            await until_ended(held)
            await until_ended(in_plain_text)
        with silent(port, 3) as held:
            await asyncio.sleep(0.05)
            await callbacks.end()
            await until_ended(held)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert caplog.records == [], "whoever hangs up is no error"


async def test_a_callback_whose_answer_takes_longer_than_its_reading_may_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(request: Request) -> PlainTextResponse:
        await request.body()
        await asyncio.sleep(0.5)
        return PlainTextResponse("taken")

    monkeypatch.setattr(http_server, "READ_S_MAX", 0.2)
    app = Starlette(routes=[Route("/slow", slow, methods=["POST"])])
    callbacks = CallbackServer(app, Config(callbacks_listen="127.0.0.1:0"))
    await callbacks.begin()
    async with Http() as http:
        for _ in range(2):
            assert (await http.post(f"{callbacks.url}/slow", content=b"x")).text == "taken"
    await callbacks.end()


async def test_a_head_that_does_not_end_is_given_up_before_its_time() -> None:
    callbacks = CallbackServer(CALLBACKS, Config(callbacks_listen="127.0.0.1:0"))
    await callbacks.begin()
    port = int(callbacks.url.rpartition(":")[2])
    loop = asyncio.get_running_loop()
    with half_sent(port, 2) as held:
        for caller in held[1:]:
            with suppress(ConnectionError):
                for _ in range(http_server.HEAD_BYTES_MAX // 1_024 + 1):
                    await loop.sock_sendall(caller, b"a" * 1_024)
            async with asyncio.timeout(http_server.READ_S_MAX / 2):
                await until_ended([caller])
    await callbacks.end()


async def test_requests_behind_one_that_is_under_way_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(request: Request) -> PlainTextResponse:
        body = await request.body()
        await asyncio.sleep(0.3)
        return PlainTextResponse(body.decode())

    monkeypatch.setattr(http_server, "READ_S_MAX", 0.2)
    app = Starlette(routes=[Route("/slow", slow, methods=["POST"])])
    callbacks = CallbackServer(app, Config(callbacks_listen="127.0.0.1:0"))
    await callbacks.begin()
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(callbacks.url.rpartition(":")[2])
    )
    request = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%b"
    writer.write(request % b"one." + request % b"two." + request % b"thr")
    said = b""
    while b"two." not in said:
        said += await reader.read(4_096)
    assert said.count(b"200 OK") == 2
    assert b"one." in said
    assert await reader.read() == b"", "the third does not come, and is given up"
    writer.close()
    await callbacks.end()


async def test_the_metrics_have_as_many_callers_as_they_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "REQUESTS_MAX", 2)
    monkeypatch.setattr(metrics._Request, "timeout", 0.3)
    server = metrics._listening("127.0.0.1", 0, CollectorRegistry())
    Thread(target=server.serve_forever, daemon=True).start()
    with half_sent(server.server_port, 6) as held:
        await until_ended(held)
    async with Http() as http:
        assert (await http.get(f"http://127.0.0.1:{server.server_port}/metrics")).is_success
    await asyncio.to_thread(server.shutdown)
    server.server_close()


class Log:
    """A bounded log, and a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._bounded = Bounded(lambda: self.now_s)

    def write(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        """The lines that are written."""
        lines = []
        for _ in range(times):
            try:
                lines.append(dict(self._bounded(None, "warning", {"event": event})))
            except DropEvent:
                continue
        return lines


def test_of_what_is_logged_too_often_the_rest_is_counted() -> None:
    log = Log()
    assert len(log.write("forged", 1_000)) == SAME_MAX
    assert log.write("other") == [{"event": "other"}]
    log.now_s = WINDOW_S
    assert log.write("forged") == [{"event": "forged", "left_out": 1_000 - SAME_MAX}]
    assert log.write("forged") == [{"event": "forged"}]


def test_all_events_together_have_a_bound() -> None:
    log = Log()
    assert len([line for number in range(5_000) for line in log.write(f"e{number}")]) == ALL_MAX
    log.now_s = WINDOW_S
    assert log.write("again") == [{"event": "again"}]


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        ("127.0.0.1:7610", False),
        ("localhost:7610", False),
        ("[::1]:7610", False),
        ("127.9.9.9:0", False),
        ("0.0.0.0:7610", True),
        ("[::]:7610", True),
        ("10.0.0.6:7610", True),
        ("shop.example:7610", True),
    ],
)
def test_an_address_that_other_machines_reach_is_an_open_port(address: str, opened: bool) -> None:
    assert is_open(address) is opened


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:p@host/orders\n")
    settings = {"HOLDFAST_DATABASE_URL_FILE": str(secret)}
    assert from_environment(settings).database_url == "postgresql://u:p@host/orders"
    both = {**settings, "HOLDFAST_DATABASE_URL": "postgresql://other/orders"}
    assert from_environment(both).database_url == "postgresql://other/orders"
    with pytest.raises(ConfigError, match=r"HOLDFAST_DATABASE_URL_FILE: .*nowhere"):
        from_environment({"HOLDFAST_DATABASE_URL_FILE": "/nowhere"})


def test_a_setting_whose_name_ends_like_that_is_itself() -> None:
    settings = {"HOLDFAST_DATA_DIR": "d", "HOLDFAST_NOTIFY_FILE": "lines.jsonl"}
    assert from_environment(settings).notify_file == "lines.jsonl"


@pytest.mark.usefixtures("no_log")
def test_an_open_port_is_warned_of_and_one_for_this_machine_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    warn_if_open("HOLDFAST_LISTEN", "0.0.0.0:7600", "can sell all stock")
    said = capsys.readouterr()
    assert said.out == "", "the ready line goes there"
    assert "A PORT IS OPEN TO THE NETWORK: HOLDFAST_LISTEN 0.0.0.0:7600" in said.err
    for address in ("", "127.0.0.1:7600"):
        warn_if_open("HOLDFAST_LISTEN", address, "can sell all stock")
    assert capsys.readouterr() == ("", "")
