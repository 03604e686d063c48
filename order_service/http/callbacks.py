"""The door for callbacks of providers and carriers, over HTTP.

A callback is proven on its raw bytes first, then it is given its effect, and only when that is on
disk is it answered 200: a sender that hears anything else sends it again. Nothing of a body reaches
a log.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from order_service.http.signatures import CallbackForged, CallbackUnreadable
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded

log = structlog.get_logger()

BODY_BYTES_MAX: Final = 65_536

S = TypeVar("S")
T = TypeVar("T")

Prove = Callable[[bytes, Mapping[str, str], float], T]
"""Reads the raw body of a callback, given its headers in lower case and the time since the Unix
epoch in seconds. Raises CallbackForged, CallbackUnreadable.
"""


class _BodyTooLarge(Exception):
    pass


def callback_route(
    path: str,
    party: str,
    senders: Mapping[str, S],
    prove: Callable[[S], Prove[T]],
    take: Callable[[str, T], Awaitable[None]],
    clock_s: Callable[[], float],
) -> Route:
    """The route at which a party, such as "carrier", tells what happened; `{name}` is in its path.

    `senders` by that name; `prove` is the method of one that proves its callbacks; `take` gives a
    proven callback its effect. Answers 200 when that is on disk; 400 to what is not proven,
    404 to a name that is not set up, 413 to what is too long, 422 to what is proven and cannot be
    read, 503 to what has to come again.
    """

    return Route(path, _Door(party, senders, prove, take, clock_s), methods=["POST"])


class _Door(Generic[S, T]):
    """The ASGI application behind a route. Starlette's own, around a function, costs far more."""

    def __init__(
        self,
        party: str,
        senders: Mapping[str, S],
        prove: Callable[[S], Prove[T]],
        take: Callable[[str, T], Awaitable[None]],
        clock_s: Callable[[], float],
    ) -> None:
        self._party = party
        self._senders = senders
        self._prove = prove
        self._take = take
        self._clock_s = clock_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        party, name = self._party, request.path_params["name"]
        sender = self._senders.get(name)
        if sender is None:
            return PlainTextResponse(f"no such {party}", 404)
        try:
            body = await _body_of(request)
            callback = self._prove(sender)(body, request.headers, self._clock_s())
        except ClientDisconnect:
            return PlainTextResponse("hung up", 400)  # nobody hears it
        except _BodyTooLarge:
            return PlainTextResponse(f"at most {BODY_BYTES_MAX} bytes", 413)
        except CallbackForged as error:
            log.warning("a callback was refused", **{party: name}, problem=type(error).__name__)
            return PlainTextResponse(f"not proven to come from the {party}", 400)
        except CallbackUnreadable as error:
            log.warning("a callback cannot be read", **{party: name}, problem=str(error))
            return PlainTextResponse(f"it comes from the {party}, and cannot be read", 422)
        try:
            await self._take(name, callback)
        except (StorageUnavailable, Conflict, Overloaded) as error:
            problem = type(error).__name__
            log.warning("a callback has to come again", **{party: name}, problem=problem)
            return PlainTextResponse("try again", 503)
        except Exception as error:  # noqa: BLE001 - its text may be personal, and is logged nowhere
            problem = type(error).__name__
            log.error("a callback could not be taken", **{party: name}, problem=problem)
            return PlainTextResponse("cannot be taken", 500)
        return PlainTextResponse("taken")


async def _body_of(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()) or int(length) > BODY_BYTES_MAX:
        raise _BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise _BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)
