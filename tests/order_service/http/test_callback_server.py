import asyncio
import signal

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from order_service.config import Config
from order_service.server import CallbackServer
from serving.http_client import Unanswered
from serving.start import StartError
from tests.http import Http


async def slow(_: Request) -> PlainTextResponse:
    """Answers after a moment."""
    await asyncio.sleep(0.2)
    return PlainTextResponse("taken")


CALLBACKS = Starlette(routes=[Route("/callbacks", slow)])


def server(listen: str = "127.0.0.1:0", certificate: str = "") -> CallbackServer:
    config = Config(callbacks_listen=listen, callbacks_tls_certificate=certificate)
    return CallbackServer(CALLBACKS, config)


async def test_a_callback_that_is_under_way_is_answered_before_the_server_ends() -> None:
    callbacks = server()
    await callbacks.begin()
    async with Http() as http:
        asked = asyncio.create_task(http.get(f"{callbacks.url}/callbacks"))
        await asyncio.sleep(0.1)
        await callbacks.end()
        assert (await asked).text == "taken"
        with pytest.raises(Unanswered, match="no connection"):
            await http.get(f"{callbacks.url}/callbacks")


async def test_an_address_that_is_taken_is_named() -> None:
    callbacks = server()
    await callbacks.begin()
    address = callbacks.url.removeprefix("http://")
    with pytest.raises(StartError, match=f"HOLDFAST_CALLBACKS_LISTEN: cannot listen on {address}"):
        await server(address).begin()
    await callbacks.end()


async def test_a_certificate_that_is_not_there_ends_the_start() -> None:
    with pytest.raises(FileNotFoundError):
        await server(certificate="/nowhere.pem").begin()


async def test_signals_stay_with_the_process() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    callbacks = server()
    await callbacks.begin()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    await callbacks.end()
