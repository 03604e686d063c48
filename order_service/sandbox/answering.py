"""Answers HTTP for both sandboxes: keys are checked, bodies bounded, problems said in JSON."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

BODY_BYTES_MAX: Final = 65_536

Answering = Callable[[Request], Awaitable[Response]]


class Problem(Exception):
    """Something wrong with a request: its HTTP status, and a text that says what."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def authorized(api_key: str, answering: Answering) -> Answering:
    """Answers only requests that have the key; content that cannot be read is answered with 422."""

    async def checked(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {api_key}".encode()):
            return problem(401, "the API key is missing or wrong")
        try:
            return await answering(request)
        except ClientDisconnect:
            return problem(400, "hung up")  # nobody hears it
        except Problem as error:
            return problem(error.status, str(error))
        except (msgspec.DecodeError, ValueError) as error:
            return problem(422, str(error))

    return checked


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises ValueError if it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"a request has at most {BODY_BYTES_MAX:,} bytes")
    return body


def problem(status: int, text: str) -> Response:
    """An answer that says what is wrong."""
    return JSONResponse({"error": text}, status)
